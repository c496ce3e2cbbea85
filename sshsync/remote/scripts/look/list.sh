# Prints where ROOT is and what lies in staging, then a record for everything below, staging left out: of a directory before
# all that is in it, so one that nothing follows is empty. With FILEGROUP there is one more for each file of another group, with LINKS, which prints
# where a link leads, two more for each link; with FOLLOW see follow.sh.
all() {
  root || return
  if [ -n "$PRINT" ]; then
    [ -z "$FILEGROUP" ] || set -- \( ! -type f -o -group "$FILEGROUP" -o -printf "$TOKEN group %p\n" \)
    [ -z "$LINKS" ] || set -- "$@" \( ! -type l -o -printf "$TOKEN link %p\n$TOKEN leads %l\n" \)
    find . -path ./.sshsync -prune -o ! -type d -printf "$PRINT" "$@" -o ! -name . -printf "$TOKEN d:0 0 0 0 0 %p\n"
    s=$?
  else
    each
  fi
  [ -z "$FOLLOW" ] || find . -path ./.sshsync -prune -o -type l -exec sh -c "$FOLLOW" "$TOKEN" "$RESOLVE" "$(pwd -P)" "$STAT" "$FOPTION" "$FFORMAT" {} + || s=1
  return $s
}
each() {
  find . -path ./.sshsync -prune -o ! -name . -exec $STAT $OPTION "$FORMAT" {} +
  s=$?
  # In one find of BusyBox only one of several -exec with a + is carried out.
  [ -z "$FILEGROUP" ] || find . -path ./.sshsync -prune -o -type f ! -group "$FILEGROUP" -exec printf "$TOKEN group %s\n" {} + || s=1
  [ -z "$LINKS" ] || find . -path ./.sshsync -prune -o -type l -exec sh -c 'l=$1; shift; for f do printf "%s link %s\n%s leads " "$0" "$f" "$0"; $l "$f"; done' "$TOKEN" "$LINKS" {} + || s=1
}
main() { deflated all; }
