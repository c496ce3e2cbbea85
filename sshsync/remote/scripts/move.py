"""Bytes: what reads them on a parent, and what receives them below ``.sshsync/`` on a child.

A receiver writes under a name that ends in ``.open`` and that no other attempt ever uses, and takes the ending away
when the program that wrote has ended: what has none can be written to by nobody any more.
"""

from sshsync.remote.scripts.base import Script

READ = Script(
    "read",
    r"""
each() { cat "$@"; }
main() { top && batches; }
""",
    lists=True,
)

UNPACK = Script(
    "unpack",
    r"""
main() {
  own || return; b=$ROOT/.sshsync/batch/$BATCH
  (umask 077; mkdir -p "$b.open") && ( cd "$b.open" && tar -xpof - ) && rm -rf "$b" && mv "$b.open" "$b"
}
""",
)

STORE = Script(
    "store",
    r"""
main() {
  own || return; p=.sshsync/part/$PART
  (umask 077; mkdir -p .sshsync/part && cat >"$p.open") && mv -f "$p.open" "$p"
}
""",
)

FETCH = Script(
    "fetch",
    r"""
one() {
  out=$( ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null 2>&1 ); s=$?
  printf '%s %s %s %.2000s\n' "$TOKEN" "$i" "$s" "$out"
}
main() {
  own || return; secrets || return
  LOCALDIR=$ROOT/.sshsync/batch/$BATCH.open; MAKE=yes; i=0
  (umask 077; mkdir -p "$LOCALDIR") && cd "$LOCALDIR" || return
  export REMOTEHOST REMOTEPORT REMOTEUSER REMOTEDIR LOCALHOST LOCALUSER LOCALDIR
  while IFS= read -r e; do d "$e"; FILE=$v
    case $v in */*) w=$v; real "${w%/*}" || return; v=$w;; esac
    rm -f "./$v"; REPOPATH=$ROOT; FILEPATH=$LOCALDIR/$v; export FILE FILEPATH REPOPATH
    one & i=$((i + 1)); [ $((i % WIDTH)) -ne 0 ] || wait
  done
  wait; cd "$ROOT" && rm -rf "${LOCALDIR%.open}" && mv "$LOCALDIR" "${LOCALDIR%.open}"
}
""",
)

SCP_SEND = Script(
    "scp-send",
    r"""
main() { top && exec scp -f "./$NAME"; }
""",
)

SCP_TAKE = Script(
    "scp-take",
    r"""
main() {
  own || return; b=.sshsync/batch/$BATCH.open; MAKE=yes
  (umask 077; mkdir -p "$b") && cd "$b" || return
  case $NAME in */*) real "${NAME%/*}" || return;; esac
  rm -f "./$NAME" && exec scp -t "./$NAME"
}
""",
)

CLOSE = Script(
    "close",
    r"""
main() { own || return; b=.sshsync/batch/$BATCH; [ ! -d "$b.open" ] || { rm -rf "$b" && mv "$b.open" "$b"; }; }
""",
)

TAKE_OVER = Script(
    "take-over",
    r"""
each() { real "$g" && ( cd "$from" && MAKE=no && real "$g" && cd "./$g" && cp -p "$@" "$to.open/$g/" ); }
main() {
  own && held || return
  cd .sshsync && (umask 077; mkdir -p part batch) || return
  from=$ROOT/.sshsync/$FROM; to=$ROOT/.sshsync/$TO; MAKE=yes
  [ ! -L "$from" ] || { echo "$from is a symbolic link" >&2; return 1; }
  [ -e "$from" ] || return 0
  if [ "$COPY" != yes ]; then mv -f "$from" "$to"; return; fi
  if [ ! -d "$from" ]; then cp -p "$from" "$to.open" && mv -f "$to.open" "$to"; return; fi
  (umask 077; mkdir -p "$to.open") && cd "$to.open" || return
  grouped; cd "$ROOT" && rm -rf "$to" && mv "$to.open" "$to"
}
""",
)
