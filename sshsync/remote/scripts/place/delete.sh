# Removes files and links, and the directories that this empties. Prints the number of each name on stdin that stays.

# Removes those of a hundred names whose directories are real, with one process for all of them.
remove() {
  s=0
  last=
  [ -z "$KEEP" ] || aside "$@"
  for f do
    shift
    safe "${f#./}" || { s=1; continue; }
    g=${f%/*}
    if [ "$g" != "$last" ]; then
      last=$g
      real "${g#./}"
      k=$?
      [ $k != 1 ] || s=1
    fi
    [ $k != 0 ] || set -- "$@" "$f"
  done
  [ $# = 0 ] || rm -f "$@" || s=1
  empty "$@"
  return $s
}
# Removes the directories that names were in, and those above them, as far as they are empty.
empty() {
  last=.
  for f do
    shift
    g=${f%/*}
    [ "$g" = "$last" ] || [ "$g" = . ] || set -- "$@" "$g"
    last=$g
  done
  [ $# = 0 ] || rmdir "$@" 2>/dev/null
  for g do
    case $g in ./*/*) [ -d "$g" ] || { g=${g%/*}; prune "${g#./}"; } ;; esac
  done
}
each() {
  held || return
  i=$((i + $#))
  remove "$@" && return
  j=$((i - $#))
  for f do
    if [ -e "$f" ] || [ -L "$f" ]; then echo "failed $j"; fi
    j=$((j + 1))
  done
  return 1
}
main() {
  own && held || return
  MAKE=no
  i=0
  batches
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  return $failed
}
