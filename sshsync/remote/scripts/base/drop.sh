# Removes one listed file or link that is in the way, never through a link, and the directories that this empties.
drop() {
  case $1 in
    */*) w=${1%/*} ;;
    *) w=. ;;
  esac
  ( MAKE=no; real "$w" ) && safe "$1" || return
  if [ -L "./$1" ] || [ ! -d "./$1" ]; then rm -f "./$1"; fi
  prune "$w"
}
