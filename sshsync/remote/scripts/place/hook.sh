# Runs the operator's TEMPLATE; what it prints goes where errors go.
main() {
  top || return
  REPOPATH=$ROOT
  export REPOPATH
  ( unset TOKEN ROOT; eval "$TEMPLATE" ) </dev/null >&2
}
