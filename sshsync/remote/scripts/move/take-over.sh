# Makes what an earlier run staged under FROM ours, under the name TO. With COPY=yes into new files, for somebody may still
# write to the old ones; of a batch these are the names on stdin (see grouped).
each() { real "$g" && ( cd "$from" && MAKE=no && real "$g" && cd "./$g" && cp -p "$@" "$to.open/$g/" ); }
main() {
  own && held || return
  cd .sshsync && (umask 077; mkdir -p part batch) || return
  from=$ROOT/.sshsync/$FROM
  to=$ROOT/.sshsync/$TO
  MAKE=yes
  [ ! -L "$from" ] || { echo "$from is a symbolic link" >&2; return 1; }
  [ -e "$from" ] || return 0
  if [ "$COPY" != yes ]; then
    mv -f "$from" "$to"
    return
  fi
  (umask 077; mkdir -p "$to.open") && cd "$to.open" || return
  grouped
  cd "$ROOT" && rm -rf "$to" && mv "$to.open" "$to"
}
