# Runs the operator's TEMPLATE in ROOT, or without one where the account is at home; what it prints goes where errors go.
main() {
  if [ -n "$ROOT" ]; then
    top || return
    REPOPATH=$ROOT
    export REPOPATH
  else
    cd || return
  fi
  ( unset TOKEN ROOT; eval "$TEMPLATE" ) </dev/null >&2
}
