# Prints the bytes of the files named on stdin, one after another. With XARGS names end in NUL.
each() { cat "$@"; }
main() {
  top || return
  if [ -n "$XARGS" ]; then deflated xargs -0 cat; else deflated batches; fi
}
