# Removes the names on stdin from staging, with all below them, and with the marks and copies of those that are written to.
each() {
  rm -rf "$@"
  for f do rm -rf "$f".open*; done
}
main() {
  own && held || return
  [ -d .sshsync ] || return 0
  cd .sshsync && batches
}
