# Removes directories and makes others. stdin: R and one to remove, or M and one to make. Prints the number of each line that could not
# be followed, and of what stays because it is not empty. What is there already, or gone, is as it should be.

hollow() {
  for f in ./* ./.[!.]* ./..?*; do
    if [ -e "$f" ] || [ -L "$f" ]; then return 1; fi
  done
}
gone() {
  MAKE=no
  step "$1"
  k=$?
  [ $k != 2 ] || return 0
  [ $k = 0 ] || return
  hollow || { echo "stays $i"; return 0; }
  cd .. && case $1 in */*) inside "${1%/*}" ;; *) [ "$(pwd -P)" = "$ROOT" ] ;; esac && rmdir "./${1##*/}"
}
made() {
  MAKE=yes
  step "$1"
}
main() {
  own && held || return
  i=0
  s=0
  while IFS= read -r e; do
    held || return
    d "${e#?}"
    case $e in
      R*) ( gone "$v" ) </dev/null ;;
      *) ( made "$v" ) </dev/null ;;
    esac || { echo "failed $i"; s=1; }
    i=$((i + 1))
  done
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  return $s
}
