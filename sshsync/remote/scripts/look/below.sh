# Prints a record for everything below BELOW that is no directory, staging left out.
main() {
  top || return
  cd "$BELOW" || return
  find . -path ./.sshsync -prune -o ! -type d -exec $STAT $OPTION "$FORMAT" {} +
}
