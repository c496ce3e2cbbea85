# The same for names that TOOL would print in a form of its own: it sees their content only.
main() {
  top && cd "$BELOW" || return
  while IFS= read -r e; do
    d "$e"
    printf '%s ' "$TOKEN"
    $TOOL <"./$v" || echo
  done
}
