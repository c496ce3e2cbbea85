# Removes files, and the directories that this empties. stdin: see grouped. Prints the number of each file that stays.
each() {
  held || return
  real "$g"
  case $? in
    0)
      ( cd "./$g" && rm -f "$@" )
      k=$?
      prune "$g"
      [ $k != 0 ] || return 0
      ;;
    2) return 0 ;;
  esac
  j=$first
  for f do
    if [ -e "./$g/$f" ] || [ -L "./$g/$f" ]; then echo "failed $j"; fi
    j=$((j + 1))
  done
  return 1
}
main() {
  own && held || return
  MAKE=no
  grouped || return
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  return $failed
}
