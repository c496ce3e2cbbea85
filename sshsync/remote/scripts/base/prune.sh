# Removes a directory and those above it, as far as they are empty.
prune() {
  p=$1
  while [ "$p" != . ]; do
    rmdir "./$p" 2>/dev/null || break
    case $p in
      */*) p=${p%/*} ;;
      *) p=. ;;
    esac
  done
}
