# Goes on with part/FROM under the name TO. Whoever may still write to it, as marks tell, keeps the old file: then TO is a copy,
# after up to WAIT seconds in which the writer may end. A writer that begins later finds no file of the name that he knows.
written() {
  for w in "$FROM".open.*; do [ ! -e "$w" ] || return 0; done
  return 1
}
main() {
  own && held || return
  umask 077
  mkdir -p .sshsync/part && cd .sshsync/part || return
  m=$TO.open.go
  if [ -f "$FROM" ] && [ ! -L "$FROM" ]; then
    : >"$m" && mv -f "$FROM" "$TO" || return
  fi
  [ -f "$TO" ] && [ -e "$m" ] || return 0
  i=0
  while [ "$i" -lt "$WAIT" ] && written; do
    sleep 1
    i=$((i + 1))
  done
  if written; then
    cp -p "$TO" "$TO.open.new" && mv -f "$TO.open.new" "$TO" || return
  fi
  rm -f "$FROM".open.* "$m"
}
