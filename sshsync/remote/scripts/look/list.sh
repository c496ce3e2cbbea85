# Prints where ROOT is and what lies in staging, then a record for everything below that is no directory, staging left out.
all() {
  root || return
  if [ -n "$PRINT" ]; then
    find . -path ./.sshsync -prune -o ! -type d -printf "$PRINT"
  else
    find . -path ./.sshsync -prune -o ! -type d -exec $STAT $OPTION "$FORMAT" {} +
  fi
}
main() { deflated all; }
