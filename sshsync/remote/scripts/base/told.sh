# Prints what stat tells of names in directory g, where they have just been moved: by that they are known again.
told() {
  printf '%s in %s\n' "$TOKEN" "$g"
  ( cd "$ROOT/$g" && $STAT $OPTION "$FORMAT" "$@" 2>/dev/null )
}
