# Sets mode and time of names below BELOW, and before them the group FILEGROUP where there is one: else for a moment the old group may
# what the new one shall. stdin: MODE TIME NAME, one a line. Prints the number of each line that failed.
main() {
  own && held || return
  cd "$BELOW" || return
  MAKE=no
  last=.
  s=0
  i=0
  while IFS= read -r e; do
    m=${e%% *}
    e=${e#* }
    t=${e%% *}
    d "${e#* }"
    if ! plain "$v" || { [ -n "$FILEGROUP" ] && ! chgrp -h "$FILEGROUP" "./$v"; } || ! chmod "$m" "./$v" || ! TZ=UTC0 touch -c -m -t "$t" "./$v"; then
      echo "failed $i"
      s=1
    fi
    i=$((i + 1))
  done
  return $s
}
