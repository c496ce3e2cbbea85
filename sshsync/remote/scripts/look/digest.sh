# Prints what TOOL says of each name on stdin, below BELOW.
each() { $TOOL "$@"; }
main() { top && cd "$BELOW" && batches; }
