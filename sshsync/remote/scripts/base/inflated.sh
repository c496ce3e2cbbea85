# Calls what reads stdin; with GZ that comes compressed. Its status is that of what reads, or gzip's where only that failed.
inflated() {
  [ -n "$GZ" ] || { "$@"; return; }
  { k=$( { { gzip -dc 8>&- 9>&- || echo bad >&8; } | { "$@" 8>&- >&9 9>&-; echo $? >&8; cat >/dev/null; }; } 8>&1 ); } 9>&1
  case $k in '' | *[!0-9]*) return 1 ;; esac
  return $k
}
