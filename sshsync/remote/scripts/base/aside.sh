# Puts aside what files are now, below .sshsync/replaced/KEEP: by another name of the same file, or by a copy where there can
# be none. What this run put there before is older, and stays. No name is absent meanwhile, and none there is of half a file.
aside() (
  umask 077
  last=
  for f do
    shift
    safe "${f#./}" && continue
    g=${f%/*}
    if [ "$g" != "$last" ]; then
      last=$g
      MAKE=no
      real "${g#./}" && shelf "$g"
      k=$?
    fi
    [ $k != 0 ] || set -- "$@" "$f"
  done
  [ $# -gt 0 ] || return 0
  if [ -n "$RUN" ]; then
    $RUN "$LINKER" ".sshsync/replaced/$KEEP" "$@" </dev/null
  else
    named "$@"
  fi 2>/dev/null
  copied "$@"
)
# Makes the directory for what is put aside out of directory $1. A program makes those below by itself.
shelf() {
  MAKE=yes
  g=${1#./}
  [ -z "$RUN" ] || g=.
  real ".sshsync/replaced/$KEEP/$g"
}
# Gives files other names there, those of one directory at a time.
named() {
  at=
  for f do
    [ -n "$at" ] || set --
    if [ "${f%/*}" != "$at" ]; then
      [ $# = 0 ] || ln "$@" ".sshsync/replaced/$KEEP/$at/"
      set --
      at=${f%/*}
    fi
    set -- "$@" "$f"
  done
  ln "$@" ".sshsync/replaced/$KEEP/$at/"
}
# Copies what is not there yet. A copy is on disk before it gets its name.
copied() {
  RUN=
  for f do
    shift
    safe "${f#./}" || { shelf "${f%/*}" && free "$f" && set -- "$@" "$f"; }
  done
  [ $# -gt 0 ] || return 0
  t=.sshsync/batch/aside.$LEASE
  rm -rf "$t" && mkdir -p "$t" || return
  n=0
  for f do
    n=$((n + 1))
    e=$(cp -p "$f" "$t/$n" 2>&1 || cp "$f" "$t/$n" 2>&1) || { rm -f "$t/$n"; echo "$f: it cannot be put aside: ${e##*: }" >&2; }
  done
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  n=0
  for f do
    n=$((n + 1))
    [ ! -f "$t/$n" ] || mv -f "$t/$n" ".sshsync/replaced/$KEEP/$f"
  done
  rm -rf "$t"
}
# Whether what is put aside can have the name $1.
free() { [ ! -d ".sshsync/replaced/$KEEP/$1" ] || { echo "$1: it cannot be put aside: this run put a directory of that name aside" >&2; false; }; }
