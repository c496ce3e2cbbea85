# Prints a record for each name on stdin.
each() { $STAT $OPTION "$FORMAT" "$@"; }
main() { top && batches; }
