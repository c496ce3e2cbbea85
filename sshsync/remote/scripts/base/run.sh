# Calls the program's own each() with the names collected so far, if there are any; remembers in failed.
run() {
  [ $# -gt 0 ] || return 0
  each "$@" </dev/null || failed=1
}
