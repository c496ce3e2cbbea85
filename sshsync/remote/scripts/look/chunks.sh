# Prints the first DIGITS of the digest of each block of ranges of files below BELOW: from one open file, block after block.
# stdin: where a range begins (blocks of 65536, bytes), how large a block is (a size, and how many of these), how many there
# are, a name between ./ and /; one a line. A block that nobody can read is a dash; one behind the file's end is empty.
blocks() {
  range "$k" "$r" 0 0 2>/dev/null || return
  while [ "$c" -gt 0 ]; do
    dd "bs=$b" "count=$n" <&3 2>/dev/null | $TOOL
    c=$((c - 1))
  done
}
all() {
  while read -r k r b n c e; do
    d "${e%/}"
    [ ! -f "$v" ] || blocks 3<"$v"
    while [ "$c" -gt 0 ]; do
      echo -
      c=$((c - 1))
    done
  done
}
main() {
  top && cd "$BELOW" || return
  all | while IFS= read -r w; do printf "%.${DIGITS}s\n" "$w"; done
}
