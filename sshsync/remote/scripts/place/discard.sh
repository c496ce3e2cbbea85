# Removes the names on stdin from staging, with all below them.
each() { rm -rf "$@"; }
main() {
  own && held || return
  [ -d .sshsync ] || return 0
  cd .sshsync && batches
}
