# Steps over $1 blocks and $2 bytes of the file that is written to: they stay as they are, or are zeros behind its end.
over() {
  [ "$1" = 0 ] || dd if=/dev/null bs=65536 "seek=$1" conv=notrunc 2>/dev/null || return
  [ "$2" = 0 ] || dd if=/dev/null "bs=$2" seek=1 conv=notrunc 2>/dev/null
}
