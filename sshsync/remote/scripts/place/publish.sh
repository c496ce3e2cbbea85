# Makes files of batches visible. stdin: first what has to be ready before the flush: B and a batch, P and a part with N and its
# path in that batch, C and a directory that files go to; then S; then see grouped. A name may be that of a whole directory: it
# goes only where there is nothing. Prints the number of each name that is not in its place, and what stat tells of what came
# there just now. Run again, it goes on where it was.

# Whether directories are on the file system of staging: elsewhere mv copies, and readers see half a file.
same() {
  [ $# -gt 0 ] || return 0
  $STAT $OPTION "$DEVICE" "$@" | while IFS= read -r y; do
    [ "$y" = "$here" ] || return 1
  done
}
# Puts part q into the batch, under the path $1.
part() {
  [ -e ".sshsync/part/$q" ] || return 0
  case $1 in
    */*) w=${1%/*} ;;
    *) w=. ;;
  esac
  (umask 077; mkdir -p "$b") && real "$w" "$b" && mv -f ".sshsync/part/$q" "$b/$1"
}
# Everything up to the flush. mixed: not all directories are on one file system, so each is looked at by itself.
ready() {
  set --
  while IFS= read -r e; do
    d "${e#?}"
    case $e in
      S*) break ;;
      B*)
        b=$ROOT/.sshsync/batch/$v
        all="$all .sshsync/batch/$v"
        ;;
      P*) q=$v ;;
      N*) part "$v" </dev/null || return ;;
      C*)
        if real "$v" 2>/dev/null; then set -- "$@" "./$v"; else mixed=yes; fi
        if [ $# -ge 100 ]; then
          same "$@" </dev/null || mixed=yes
          set --
        fi
        ;;
    esac
  done
  same "$@" </dev/null || mixed=yes
}
# Moves names of the batch to their place. With EMPTY, empty directories make room for files.
bring() {
  k=0
  for f do
    shift
    if [ ! -d "$b/$g/$f" ]; then
      [ -z "$EMPTY" ] || [ ! -d "./$g/$f" ] || [ -L "./$g/$f" ] || find "./$g/$f" -depth -type d -exec rmdir {} \; 2>/dev/null
    elif [ -e "./$g/$f" ] || [ -L "./$g/$f" ] || [ -g "./$g" ]; then
      k=1
      continue
    fi
    set -- "$@" "$f"
  done
  [ $# -gt 0 ] || return $k
  cd "$b/$g" || return
  mv -f "$@" "$ROOT/$g/" || k=1
  cd "$ROOT" || exit
  return $k
}
# Has told of names that came to directory g: of files a hundred with one process, which are named in the order in which they
# came; at once of one with a quote, which eval would end at.
came() {
  p=./$g
  [ "$g" != . ] || p=.
  for f do
    shift
    f=$p/${f#./}
    if [ -d "$f" ]; then
      set -- "$@" "$f"
      continue
    fi
    case $f in
      *\'*) told came "$f" ;;
      *)
        new="$new '$f'"
        count=$((count + 1))
        ;;
    esac
  done
  [ $# = 0 ] || told within "$@"
  [ $count -lt 100 ] || tell
}
tell() {
  [ -z "$new" ] || eval "told came $new"
  new=
  count=0
}
each() {
  held || return
  MAKE=yes
  if real "$g" && { [ -z "$mixed" ] || same "./$g" || { echo "./$g: is on another file system" >&2; false; }; }; then
    MAKE=no
    if real "$g" "$b" && bring "$@"; then
      came "$@"
      return 0
    fi
  fi
  # What is gone from the batch and is in its place was moved by an earlier try.
  k=0
  j=$first
  for f do
    if [ -e "$b/$g/$f" ] || [ -L "$b/$g/$f" ] || [ ! -e "$ROOT/$g/$f" ]; then
      printf '%s failed %s\n' "$TOKEN" "$j"
      k=1
    fi
    j=$((j + 1))
  done
  return $k
}
main() {
  own && held || return
  MAKE=yes
  mixed=
  all=
  new=
  count=0
  here=$($STAT $OPTION "$DEVICE" .sshsync) || return
  ready || return
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  grouped || return
  tell
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  [ $failed = 1 ] || rm -rf $all
  return $failed
}
