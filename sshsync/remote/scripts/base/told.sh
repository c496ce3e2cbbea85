# Prints a word, and what stat tells of names below ROOT that have just been moved there, or of all below those that are
# directories: by that they are known again.
told() {
  printf '%s %s\n' "$TOKEN" "$1"
  shift
  ( cd "$ROOT" && find "$@" ! -type d -exec $STAT $OPTION "$FORMAT" {} + 2>/dev/null )
}
