# Prints what the operator's TEMPLATE lists. A template sees no token: it could forge an end.
main() {
  top || return
  REPOPATH=$ROOT
  export REPOPATH
  ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null
}
