"""What changes a child where its readers look, and what clears staging: only for whoever holds its lease."""

from sshsync.remote.scripts.base import Script

MARK = Script(
    "mark",
    r"""
main() {
  own && held || return
  cd "$BELOW" || return; MAKE=no; last=.; s=0; i=0
  while IFS= read -r e; do m=${e%% *}; e=${e#* }; t=${e%% *}; d "${e#* }"
    if ! plain "$v" || ! chmod "$m" "./$v" || ! TZ=UTC0 touch -c -m -t "$t" "./$v"; then echo "failed $i"; s=1; fi
    i=$((i + 1))
  done
  return $s
}
""",
)

PUBLISH = Script(
    "publish",
    r"""
same() {
  [ "$1" != "$last" ] || return 0
  if [ "$($STAT $OPTION "$DEVICE" "./$1")" != "$here" ]; then echo "./$1: is on another file system" >&2; return 1; fi
  last=$1; }
spare() { [ -z "$EMPTY" ] || for f do
    [ ! -d "./$g/$f" ] || [ -L "./$g/$f" ] || find "./$g/$f" -depth -type d -exec rmdir {} \; 2>/dev/null
  done; }
each() {
  held || return
  if real "$g" && same "$g" && spare "$@" && ( cd "$b" && MAKE=no && real "$g" && cd "./$g" && mv -f "$@" "$ROOT/$g/" )
  then return; fi
  k=0; j=$first; for f do
    if [ -e "$b/$g/$f" ] || [ -L "$b/$g/$f" ] || [ ! -e "$ROOT/$g/$f" ]; then
      echo "failed $j"; k=1
    fi
    j=$((j + 1))
  done; return $k
}
main() {
  own && held || return
  b=$ROOT/.sshsync/batch/$BATCH; MAKE=yes; last=
  here=$($STAT $OPTION "$DEVICE" .sshsync) || return
  if [ -n "$PART" ] && [ -e ".sshsync/part/$PART" ]; then
    (umask 077; mkdir -p "$b") || return
    ( cd "$b" && real "$PARTDIR" && mv -f "$ROOT/.sshsync/part/$PART" "./$PARTNAME" ) || return
  fi
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  grouped || return
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  [ $failed = 1 ] || rm -rf ".sshsync/batch/$BATCH"
  return $failed
}
""",
)

DELETE = Script(
    "delete",
    r"""
each() {
  held || return
  real "$g"
  case $? in
    0) ( cd "./$g" && rm -f "$@" ); k=$?; prune "$g"; [ $k != 0 ] || return 0;;
    2) return 0;;
  esac
  j=$first; for f do
    if [ -e "./$g/$f" ] || [ -L "./$g/$f" ]; then echo "failed $j"; fi
    j=$((j + 1))
  done; return 1
}
main() {
  own && held || return; MAKE=no
  grouped || return
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  return $failed
}
""",
)

STAGED = Script(
    "staged",
    r"""
main() {
  own || return
  for p in part batch lease; do [ -d .sshsync/$p ] && for f in .sshsync/$p/*; do
    [ -e "$f" ] && printf '%s\n' "${f#.sshsync/}"
  done; done
  return 0
}
""",
)

DISCARD = Script(
    "discard",
    r"""
each() { rm -rf "$@"; }
main() { own && held || return; [ -d .sshsync ] || return 0; cd .sshsync && batches; }
""",
)

HOOK = Script(
    "hook",
    r"""
main() {
  top || return
  REPOPATH=$ROOT; export REPOPATH
  ( unset TOKEN ROOT; eval "$TEMPLATE" ) </dev/null >&2
}
""",
)
