# Whether a name can be reached, and is, without a link. last is the directory that was looked at before.
plain() {
  case $1 in
    */*) w=${1%/*} ;;
    *) w=. ;;
  esac
  if [ "$w" != "$last" ]; then
    real "$w" || { [ -d "$w" ] || echo "./$w: no such directory" >&2; return 1; }
    last=$w
  fi
  if [ -L "./$1" ]; then
    echo "./$1 is a symbolic link" >&2
    return 1
  fi
}
