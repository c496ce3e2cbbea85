# Removes one listed file that is in the way, never through a link, and the directories that this empties.
drop() {
  case $1 in
    */*) w=${1%/*} ;;
    *) w=. ;;
  esac
  ( MAKE=no; real "$w" ) && safe "$1" || return
  [ -d "./$1" ] || rm -f "./$1"
  prune "$w"
}
