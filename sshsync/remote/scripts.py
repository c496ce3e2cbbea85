"""The scripts that run on hosts: constant POSIX shell, one for each thing that sshsync does there.

Rules that every script keeps: values come as variables, names on stdin (one a line, odd ones in octal);
what reads stdin writes only below ``.sshsync/``; only ``publish`` makes a file visible; work is done in the
resolved root after checking that it still is that directory; tools run with ``LC_ALL=C``.
"""

from dataclasses import dataclass, field

STAGING = ".sshsync"
"""The directory below every root that belongs to sshsync."""


@dataclass(frozen=True, slots=True)
class Script:
    """A named script; `body` defines ``main``, `lists` tells that it may print more than it was asked about."""

    name: str
    body: str
    lists: bool = False

    @property
    def text(self) -> str:
        """The whole program."""
        return _PRELUDE + self.body + _EPILOGUE


@dataclass(frozen=True, slots=True)
class Command:
    """A script with its variables: all that a transport needs to start it."""

    script: Script
    variables: dict[str, bytes] = field(default_factory=dict)


_PRELUDE = r"""
LC_ALL=C; export LC_ALL; unset CDPATH TAR_OPTIONS POSIXLY_CORRECT QUOTING_STYLE TIME_STYLE BLOCK_SIZE
d() { case $1 in *\\*) v=$(printf '%bx' "$1"); v=${v%x};; *) v=$1;; esac; }
for a do d "$a"; n=${v%%=*}; v=${v#*=}; eval "$n=\$v"; done
top() { cd "$ROOT" && [ "$(pwd -P)" = "$ROOT" ] || { echo "the root is not $ROOT any more" >&2; return 1; }; }
own() { top || return; for p in .sshsync .sshsync/part .sshsync/batch; do
  if [ -L $p ] || { [ -e $p ] && [ ! -d $p ]; }; then echo "$p is not a directory of ours" >&2; return 1; fi
done; }
run() { [ $# -gt 0 ] || return 0; each "$@" </dev/null || failed=1; }
batches() { failed=0; set --
  while IFS= read -r e; do d "$e"; set -- "$@" "./$v"
    if [ $# -ge 100 ]; then run "$@"; set --; fi
  done
  run "$@"; return $failed; }
real() { p=.; r=$1/; [ "$1" = . ] && return 0
  while [ -n "$r" ]; do p=$p/${r%%/*}; r=${r#*/}
    if [ -L "$p" ]; then echo "$p is a symbolic link" >&2; return 1; fi
    if [ ! -d "$p" ]; then
      [ "$MAKE" = yes ] || return 1
      mkdir "$p" || [ -d "$p" ] || return 1
    fi
  done; }
secrets() { for s in $SECRETS; do IFS= read -r e || return 1; d "$e"; eval "$s=\$v; export $s"; done; }
printf '%s begin\n' "$TOKEN"
"""

_EPILOGUE = r"""
main; printf '\n%s end %s\n' "$TOKEN" "$?"
"""

PROBE = Script(
    "probe",
    r"""
try() { "$@" >/dev/null 2>&1 </dev/null; }
main() {
  try stat -c '%f %s %.9Y %.9Z %i %n' / && case $(stat -c %.9Y /) in *.?????????) echo stat=gnu;; esac
  try stat -c '%f %s %Y %Z %i %n' / && echo stat=busybox
  try stat -f '%Xp %z %m %c %i %N' / && case $(stat -f %z / 2>/dev/null) in *[!0-9]*|'') ;; *) echo stat=bsd;; esac
  try perl -e '@s = lstat("/") or exit 1' && echo stat=perl
  for t in md5 sha1 sha256 sha512; do
    try ${t}sum /dev/null && echo "$t=${t}sum"
    [ $t = md5 ] || { try shasum -a ${t#sha} /dev/null && echo "$t=shasum -a ${t#sha}"; }
    try openssl dgst -r -$t /dev/null && echo "$t=openssl dgst -r -$t"
  done
  for t in find tar mv rm mkdir rmdir chmod touch cat scp; do command -v $t >/dev/null 2>&1 && echo "tool=$t"; done
  case $(sync --help 2>&1 </dev/null) in *-f*) try sync -f / && echo 'sync=sync -f';; esac
  now=$(date +%s 2>/dev/null); case $now in *[!0-9]*|'') now=$(awk 'BEGIN { srand(); print srand() }');; esac
  echo "now=$now"
}
""",
)

ROOT = Script(
    "root",
    r"""
main() {
  if [ ! -d "$ROOT" ]; then
    [ -e "$ROOT" ] || [ -L "$ROOT" ] && { echo "$ROOT is not a directory" >&2; return 1; }
    [ "$MAKE" = yes ] || return 44
    mkdir -p "$ROOT" || return 1
  fi
  cd "$ROOT" 2>/dev/null && pwd -P && return
  [ -x "$ROOT" ] && echo "cannot enter $ROOT" >&2 || echo "cannot enter $ROOT: Permission denied" >&2
  return 1
}
""",
)

LIST = Script(
    "list",
    r"""
main() {
  top || return; cd "$BELOW" || return
  find . -path ./.sshsync -prune -o ! -type d -exec $STAT $OPTION "$FORMAT" {} +
}
""",
    lists=True,
)

STAT = Script(
    "stat",
    r"""
each() { $STAT $OPTION "$FORMAT" "$@"; }
main() { top && batches; }
""",
)

DIGEST = Script(
    "digest",
    r"""
each() { $TOOL "$@"; }
main() { top && cd "$BELOW" && batches; }
""",
)

DIGEST_ODD = Script(
    "digest-odd",
    r"""
main() {
  top && cd "$BELOW" || return
  while IFS= read -r e; do d "$e"; printf '%s ' "$TOKEN"; $TOOL <"./$v" || echo; done
}
""",
)

TEMPLATE_LIST = Script(
    "template-list",
    r"""
main() {
  top || return
  REPOPATH=$ROOT; export REPOPATH
  ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null
}
""",
    lists=True,
)

TEMPLATE_DIGEST = Script(
    "template-digest",
    r"""
main() {
  top && cd "$BELOW" || return
  REPOPATH=$ROOT; [ "$BELOW" = . ] || REPOPATH=$ROOT/$BELOW
  export REPOPATH
  while IFS= read -r e; do d "$e"; FILE=$v; FILEPATH=$REPOPATH/$v; export FILE FILEPATH
    printf '%s ' "$TOKEN"
    ( set -f; IFS=; eval "$TEMPLATE" ) </dev/null
    echo
  done
}
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
  own || return; b=.sshsync/batch/$BATCH
  (umask 077; mkdir -p "$b") && cd "$b" && tar -xpof -
}
""",
)

STORE = Script(
    "store",
    r"""
main() {
  own || return; p=.sshsync/part/$PART
  (umask 077; mkdir -p .sshsync/part) && rm -f "$p" && cat >"$p"
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
  LOCALDIR=$ROOT/.sshsync/batch/$BATCH; MAKE=yes; i=0
  (umask 077; mkdir -p "$LOCALDIR") && cd "$LOCALDIR" || return
  export REMOTEHOST REMOTEPORT REMOTEUSER REMOTEDIR LOCALHOST LOCALUSER LOCALDIR
  while IFS= read -r e; do d "$e"; FILE=$v
    case $v in */*) w=$v; real "${w%/*}" || return; v=$w;; esac
    rm -f "./$v"; REPOPATH=$ROOT; FILEPATH=$LOCALDIR/$v; export FILE FILEPATH REPOPATH
    one & i=$((i + 1)); [ $((i % WIDTH)) -ne 0 ] || wait
  done
  wait
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
  own || return; b=.sshsync/batch/$BATCH; MAKE=yes
  (umask 077; mkdir -p "$b") && cd "$b" || return
  case $NAME in */*) real "${NAME%/*}" || return;; esac
  rm -f "./$NAME" && exec scp -t "./$NAME"
}
""",
)

MARK = Script(
    "mark",
    r"""
main() {
  own && cd "$BELOW" || return; s=0; i=0
  while IFS= read -r e; do m=${e%% *}; e=${e#* }; t=${e%% *}; d "${e#* }"
    if [ -L "./$v" ] || ! chmod "$m" "./$v" || ! TZ=UTC0 touch -c -m -t "$t" "./$v"; then echo "failed $i"; s=1; fi
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
each() {
  if real "$g" && same "$g" && ( cd "$b/$g" && mv -f "$@" "$ROOT/$g/" ); then return; fi
  k=0; j=$first; for f do
    if [ -e "$b/$g/$f" ] || [ -L "$b/$g/$f" ] || [ ! -e "$ROOT/$g/$f" ]; then
      echo "failed $j"; k=1
    fi
    j=$((j + 1))
  done; return $k
}
main() {
  own || return; b=$ROOT/.sshsync/batch/$BATCH; MAKE=yes; g=.; i=0; first=0; failed=0; last=
  here=$($STAT $OPTION "$DEVICE" .sshsync) || return
  if [ -n "$PART" ]; then
    (umask 077; mkdir -p "$b") || return
    ( cd "$b" && real "$PARTDIR" && mv -f "$ROOT/.sshsync/part/$PART" "./$PARTNAME" ) || return
  fi
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  set --
  while IFS= read -r e; do d "${e#?}"
    case $e in
      G*) run "$@"; set --; g=$v; first=$i;;
      F*) set -- "$@" "./$v"; i=$((i + 1)); if [ $# -ge 100 ]; then run "$@"; set --; first=$i; fi;;
    esac
  done
  run "$@"
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  [ $failed = 1 ] || rm -rf ".sshsync/batch/$BATCH"
  return $failed
}
""",
)

DELETE = Script(
    "delete",
    r"""
each() {
  MAKE=no; real "$g" && ( cd "./$g" && rm -f "$@" ) && j=0 || j=1
  p=$g; while [ "$p" != . ]; do rmdir "./$p" 2>/dev/null || break; case $p in */*) p=${p%/*};; *) p=.;; esac; done
  return $j
}
main() {
  own || return; g=.; failed=0; set --
  while IFS= read -r e; do d "${e#?}"
    case $e in
      G*) run "$@"; set --; g=$v;;
      F*) set -- "$@" "./$v"; if [ $# -ge 100 ]; then run "$@"; set --; fi;;
    esac
  done
  run "$@"; [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  return $failed
}
""",
)

ROOM = Script(
    "room",
    r"""
main() {
  own || return
  [ "$MAKE" != yes ] || (umask 077; mkdir -p .sshsync) || return
  df -Pk . 2>/dev/null | while IFS= read -r line; do printf 'free %s
' "$line"; done
  [ ! -d .sshsync ] || printf 'staged %s
' "$(du -sk .sshsync 2>/dev/null)"
  [ ! -d .sshsync ] || [ ! -d .SSHSYNC ] || echo folds
}
""",
)

NOTHING = Script("nothing", "\nmain() { :; }\n")

SURVEY = Script(
    "survey",
    r"""
main() {
  printf 'system=%s\nshell=%s\n' "$(uname -sr 2>/dev/null)" "$SHELL"
  if [ ! -d "$ROOT" ]; then echo root=missing; return; fi
  if ! cd "$ROOT" 2>/dev/null || [ ! -r . ]; then echo root=closed; return; fi
  if [ -w . ]; then echo root=writable; else echo root=readable; fi
  df -Pk . 2>/dev/null | while IFS= read -r line; do printf 'free %s\n' "$line"; done
}
""",
)

SPEED = Script(
    "speed",
    r"""
main() { dd if=/dev/zero "bs=$SIZE" "count=$COUNT" 2>/dev/null | $TOOL >/dev/null; }
""",
)

STAGED = Script(
    "staged",
    r"""
main() {
  own || return
  for p in part batch; do [ -d .sshsync/$p ] && for f in .sshsync/$p/*; do
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
main() { own || return; [ -d .sshsync ] || return 0; cd .sshsync && batches; }
""",
)

EVERY = (
    PROBE, ROOT, LIST, STAT, DIGEST, DIGEST_ODD, TEMPLATE_LIST, TEMPLATE_DIGEST, HOOK, READ, UNPACK, STORE,
    FETCH, SCP_SEND, SCP_TAKE, MARK, PUBLISH, DELETE, ROOM, NOTHING, SURVEY, SPEED, STAGED, DISCARD,
)  # fmt: skip
