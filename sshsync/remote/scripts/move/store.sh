# Takes the bytes of one file on stdin into part/PART.
main() {
  own || return
  p=.sshsync/part/$PART
  (umask 077; mkdir -p .sshsync/part && cat >"$p.open") && mv -f "$p.open" "$p"
}
