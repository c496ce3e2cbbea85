# Prints what the operator's TEMPLATE says of each name on stdin, a record each.
main() {
  top && cd "$BELOW" || return
  REPOPATH=$ROOT
  [ "$BELOW" = . ] || REPOPATH=$ROOT/$BELOW
  export REPOPATH
  while IFS= read -r e; do
    d "$e"
    FILE=$v
    FILEPATH=$REPOPATH/$v
    export FILE FILEPATH
    printf '%s ' "$TOKEN"
    ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null
    echo
  done
}
