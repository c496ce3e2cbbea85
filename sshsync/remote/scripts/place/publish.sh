# Makes files of batches visible, with FILEGROUP as files of that group. stdin: first what has to be ready before the flush: B and a batch, P and a part with N and its
# path in that batch, C and a directory that files go to; then S; with KEEP then K and a name that is to be put aside, and S again; then
# see grouped. A name may be that of a whole directory: it
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
# Puts aside what is going to be replaced.
old() {
  set --
  while IFS= read -r e; do
    d "${e#?}"
    case $e in S*) break ;; esac
    set -- "$@" "./$v"
    if [ $# -ge 100 ]; then
      held || return
      aside "$@" </dev/null
      set --
    fi
  done
  held || return
  aside "$@" </dev/null
  return 0
}
# Gives all that is in the batches to FILEGROUP.
give() {
  for q in $all; do
    [ ! -d $q ] || find $q -type f ! -group "$FILEGROUP" -exec chgrp -h "$FILEGROUP" {} + || return
  done
}
# Tells that a name is not in its place, by its number.
no() {
  printf '%s failed %s\n' "$TOKEN" "$1"
  failed=1
}
# Moves names of the batch to their place, or has them wait for others. With EMPTY, empty directories make room for files.
# taken: the numbers of whole directories that found something in their place, and of files in whose place something is that cannot be
# put aside.
bring() {
  j=$first
  taken=
  p=./$g
  [ "$g" != . ] || p=.
  for f do
    shift
    if [ -d "$b/$g/$f" ]; then
      if [ -e "./$g/$f" ] || [ -L "./$g/$f" ] || [ -g "./$g" ]; then taken="$taken $j"; else set -- "$@" "$f"; fi
    else
      [ -z "$EMPTY" ] || [ ! -d "./$g/$f" ] || [ -L "./$g/$f" ] || find "./$g/$f" -depth -type d -exec rmdir {} \; 2>/dev/null
      if spared "${p#.}/${f#./}"; then
        later "${f#./}" || set -- "$@" "$f"
      else
        taken="$taken $j"
      fi
    fi
    j=$((j + 1))
  done
  [ $# -gt 0 ] || return 0
  cd "$b/$g" || return
  mv -f "$@" "$ROOT/$g/"
  k=$?
  cd "$ROOT" || exit
  [ $k = 0 ] && came "$@"
}
# Whether what is in the place of a staged file is put aside, now at the latest: it may be something that no listing showed.
spared() {
  q=${1#/}
  [ -f "$b/$q" ] || return 0
  safe "$q" || { aside "./$q"; safe "$q"; }
}
# Whether file $1 waits, with its number, for a program that renames a hundred. One with a quote, which eval would end at, does not.
later() {
  [ -n "$RUN" ] || return
  case $g/$1 in *\'*) return 1 ;; esac
  waiting="$waiting '${b#"$ROOT"/}/$g/$1' '$p/$1' $j"
  count=$((count + 1))
}
# Has told of names that came to directory g: of files with others, in the order in which they came.
came() {
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
}
# Renames what waits, and tells of what came.
settle() {
  [ -z "$waiting" ] || eval "set -- $waiting; move \"\$@\""
  [ -z "$new" ] || eval "told came $new"
  waiting=
  new=
  count=0
}
# Whether a name is still where it was staged, or not in its place. What is gone there and is here an earlier try has moved.
lacking() { [ -e "$1" ] || [ -L "$1" ] || { [ ! -e "$2" ] && [ ! -L "$2" ]; }; }
# Has triples renamed, and one by one what the program left: mv has words for why it cannot.
move() {
  held || return
  if $RUN "$PROGRAM" "$@" </dev/null 2>/dev/null; then
    while [ $# -gt 0 ]; do
      new="$new '$2'"
      shift 3
    done
  fi
  while [ $# -gt 0 ]; do
    if [ -e "$1" ] || [ -L "$1" ]; then mv -f "$1" "${2%/*}/"; fi
    if lacking "$1" "$2"; then no "$3"; fi
    shift 3
  done
}
each() {
  held || return
  MAKE=yes
  if real "$g" && { [ -z "$mixed" ] || same "./$g" || { echo "./$g: is on another file system" >&2; false; }; }; then
    MAKE=no
    if real "$g" "$b" && bring "$@"; then
      for j in $taken; do no "$j"; done
      [ $count -lt 100 ] || settle
      return 0
    fi
  fi
  settle
  j=$first
  for f do
    if lacking "$b/$g/$f" "./$g/$f"; then no "$j"; fi
    j=$((j + 1))
  done
}
main() {
  own && held || return
  MAKE=yes
  mixed=
  all=
  new=
  waiting=
  count=0
  here=$($STAT $OPTION "$DEVICE" .sshsync) || return
  ready || return
  [ -z "$FILEGROUP" ] || give || return
  [ -z "$KEEP" ] || old || return
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  grouped || return
  settle </dev/null
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  [ $failed = 1 ] || rm -rf $all
  return $failed
}
