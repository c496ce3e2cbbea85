# Prints where ROOT is and what lies in staging, then a record for everything below, staging left out: of a directory before
# all that is in it, so one that nothing follows is empty.
all() {
  root || return
  if [ -n "$PRINT" ]; then
    find . -path ./.sshsync -prune -o ! -type d -printf "$PRINT" -o ! -name . -printf "$TOKEN d:0 0 0 0 0 %p\n"
  else
    find . -path ./.sshsync -prune -o ! -name . -exec $STAT $OPTION "$FORMAT" {} +
  fi
}
main() { deflated all; }
