# Prints a record for each name on stdin, of what a link leads to with FOLLOW: see follow.sh. With FILEGROUP there is one more for
# each file of another group.
each() {
  if [ -n "$FOLLOW" ]; then
    for f do
      shift
      if [ -L "$f" ]; then linked "$f" || k=1; else set -- "$@" "$f"; fi
    done
  fi
  s=${k:-0}
  k=
  [ $# = 0 ] || $STAT $OPTION "$FORMAT" "$@" || s=1
  [ -z "$FILEGROUP" ] || [ $# = 0 ] || find "$@" -prune -type f ! -group "$FILEGROUP" -exec printf "$TOKEN group %s\n" {} + 2>/dev/null
  return $s
}
linked() { sh -c "$FOLLOW" "$TOKEN" "$RESOLVE" "$(pwd -P)" "$STAT" "$FOPTION" "$FFORMAT" "$1"; }
main() { top && batches; }
