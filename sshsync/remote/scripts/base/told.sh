# Prints what stat tells of names in directory g, where they have just been moved, and of all below those that are directories:
# by that they are known again.
told() {
  printf '%s in %s\n' "$TOKEN" "$g"
  ( cd "$ROOT/$g" && find "$@" ! -type d -exec $STAT $OPTION "$FORMAT" {} + 2>/dev/null )
}
