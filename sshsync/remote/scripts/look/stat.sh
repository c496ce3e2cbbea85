# Prints a record for each name on stdin. With FILEGROUP there is one more for each file of another group.
each() {
  $STAT $OPTION "$FORMAT" "$@"
  s=$?
  [ -z "$FILEGROUP" ] || find "$@" -prune -type f ! -group "$FILEGROUP" -exec printf "$TOKEN group %s\n" {} + 2>/dev/null
  return $s
}
main() { top && batches; }
