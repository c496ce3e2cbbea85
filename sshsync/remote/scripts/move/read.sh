# Prints the bytes of the files named on stdin, one after another.
each() { cat "$@"; }
main() { top && batches; }
