# Calls what prints; with GZ that is compressed on its way. Its status is that of what prints, or gzip's where only that failed.
deflated() {
  [ -n "$GZ" ] || { "$@"; return; }
  { k=$( { { "$@" 8>&- 9>&-; echo $? >&8; } | gzip -1c 8>&- >&9 9>&- || echo bad >&8; } 8>&1 ); } 9>&1
  case $k in '' | *[!0-9]*) return 1 ;; esac
  return $k
}
