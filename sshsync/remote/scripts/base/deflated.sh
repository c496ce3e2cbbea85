# Calls what prints; with PACK that is compressed by this tool on its way. Its status is that of what prints, or the tool's where only that failed.
deflated() {
  [ -n "$PACK" ] || { "$@"; return; }
  { k=$( { { "$@" 8>&- 9>&-; echo $? >&8; } | $PACK -1c 8>&- >&9 9>&- || echo bad >&8; } 8>&1 ); } 9>&1
  case $k in '' | *[!0-9]*) return 1 ;; esac
  return $k
}
