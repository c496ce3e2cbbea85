"""What is there: probes, listings, digests, room. Nothing here changes a host but the making of a root."""

from sshsync.remote.scripts.base import Script

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
    ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null
    echo
  done
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
