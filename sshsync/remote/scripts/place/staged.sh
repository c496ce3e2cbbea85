# Prints what lies in staging.
main() {
  own || return
  for p in part batch lease; do
    [ -d .sshsync/$p ] && for f in .sshsync/$p/*; do
      [ -e "$f" ] && printf '%s\n' "${f#.sshsync/}"
    done
  done
  return 0
}
