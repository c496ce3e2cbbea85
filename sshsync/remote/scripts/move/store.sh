# Takes the bytes on stdin into part/PART, from the place that BLOCKS of 65536 bytes and REST more lead to. As long as it may
# write there is a mark of its own beside the file: part/PART.open.WRITER.
seek() {
  [ "$BLOCKS" = 0 ] || dd if=/dev/null bs=65536 "seek=$BLOCKS" conv=notrunc 2>/dev/null || return
  [ "$REST" = 0 ] || dd if=/dev/null "bs=$REST" seek=1 conv=notrunc 2>/dev/null
}
main() {
  own || return
  umask 077
  p=.sshsync/part/$PART
  mkdir -p .sshsync/part && : >"$p.open.$WRITER" || return
  { seek && cat; } 1<>"$p"
  s=$?
  rm -f "$p.open.$WRITER"
  return $s
}
