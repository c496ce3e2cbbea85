# Prints where ROOT is and what lies in staging, then what the operator's TEMPLATE lists. A template sees no token: it could
# forge an end.
main() {
  root || return
  REPOPATH=$(pwd -P)
  export REPOPATH
  printf '%s listed\n' "$TOKEN"
  ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null
}
