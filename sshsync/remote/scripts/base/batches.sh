# Reads names from stdin and calls each() with up to a hundred of them at a time.
batches() {
  failed=0
  set --
  while IFS= read -r e; do
    d "$e"
    set -- "$@" "./$v"
    if [ $# -ge 100 ]; then
      run "$@"
      set --
    fi
  done
  run "$@"
  return $failed
}
