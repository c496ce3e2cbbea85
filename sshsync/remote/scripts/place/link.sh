# Makes symbolic links. stdin: T and where one leads, then M and its name, or O and the name of one that may take the place of a
# file, which is put aside with KEEP. With EMPTY, empty directories make room. Prints the number of each name that is not in its place.

# Puts the link in the place of another, or of a file: by one rename where a program or mv can do that without a step through
# it, else there is neither for a moment.
swap() {
  s=$ROOT/.sshsync/batch/$BATCH
  rm -f "$s/l" && ln -s -- "$t" "$s/l" || return
  [ -z "$RUN" ] || ! $RUN "$PROGRAM" "$s/l" "./$1" 0 2>/dev/null || return 0
  mv -fT "$s/l" "./$1" 2>/dev/null && return
  rm -f "./$1" && mv "$s/l" "./$1"
}
linked() {
  MAKE=no
  [ -z "$KEEP" ] || [ "$2" != O ] || { aside "./$1" && safe "$1"; } || return
  MAKE=yes
  case $1 in */*) step "${1%/*}" || return ;; esac
  f=${1##*/}
  if [ -L "./$f" ] || { [ "$2" = O ] && [ -f "./$f" ]; }; then
    swap "$f"
    return
  fi
  [ -z "$EMPTY" ] || [ ! -d "./$f" ] || find "./$f" -depth -type d -exec rmdir {} \; 2>/dev/null
  if [ -e "./$f" ]; then
    echo "./$1 is there, and is no link" >&2
    return 1
  fi
  ln -s -- "$t" "./$f"
}
main() {
  own && held && (umask 077; mkdir -p ".sshsync/batch/$BATCH") || return
  i=0
  failed=0
  while IFS= read -r e; do
    d "${e#?}"
    case $e in
      T*) t=$v ;;
      *)
        held || return
        ( linked "$v" "${e%"${e#?}"}" ) </dev/null || { echo "failed $i"; failed=1; }
        i=$((i + 1))
        ;;
    esac
  done
  rm -rf ".sshsync/batch/$BATCH"
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  return $failed
}
