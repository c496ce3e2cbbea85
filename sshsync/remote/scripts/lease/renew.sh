# Changes the name of the file that shows whether the holder lives: to n and COUNT.
main() {
  own || return
  t=.sshsync/lease/$LEASE
  ( : >"$t/n$COUNT" ) 2>/dev/null || held || return
  for f in "$t"/n*; do [ "$f" = "$t/n$COUNT" ] || rm -f "$f"; done
}
