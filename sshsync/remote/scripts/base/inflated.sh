# Calls what reads stdin; with PACK that comes compressed by this tool. Its status is that of what reads, or the tool's where only that failed.
inflated() {
  [ -n "$PACK" ] || { "$@"; return; }
  { k=$( { { $PACK -dc 8>&- 9>&- || echo bad >&8; } | { "$@" 8>&- >&9 9>&-; echo $? >&8; cat >/dev/null; }; } 8>&1 ); } 9>&1
  case $k in '' | *[!0-9]*) return 1 ;; esac
  return $k
}
