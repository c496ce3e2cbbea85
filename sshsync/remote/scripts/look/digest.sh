# Prints what TOOL says of each name on stdin, below BELOW. With XARGS names end in NUL: few processes for many of them.
each() { $TOOL "$@"; }
main() {
  top && cd "$BELOW" || return
  if [ -n "$XARGS" ]; then xargs -0 $TOOL; else batches; fi
}
