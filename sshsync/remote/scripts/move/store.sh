# Takes the bytes on stdin into part/PART, from the place that BLOCKS of 65536 bytes and REST more lead to. As long as it may
# write there is a mark of its own beside the file: part/PART.open.WRITER.
main() {
  own || return
  umask 077
  p=.sshsync/part/$PART
  mkdir -p .sshsync/part && : >"$p.open.$WRITER" || return
  { over "$BLOCKS" "$REST" && inflated cat; } 1<>"$p"
  s=$?
  rm -f "$p.open.$WRITER"
  return $s
}
