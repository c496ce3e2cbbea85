# Prints why ROOT cannot be made, or nothing be staged in it, if so. What the host refuses decides, not its modes.
barred() {
  p=$ROOT/.sshsync
  until [ -e "$p" ] || [ -L "$p" ]; do
    p=${p%/*}
    p=${p:-/}
  done
  [ -d "$p" ] && [ -w "$p" ] && [ -x "$p" ] && return
  if e=$(mkdir "$p/.sshsync-$$" 2>&1); then
    rmdir "$p/.sshsync-$$"
  else
    printf '%s is not writable: %s\n' "$p" "${e##*: }"
  fi
}
