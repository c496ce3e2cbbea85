"""What all scripts share: how they are started, how they step into a root, and the one check of every path.

Rules that every script keeps: values come as variables, names on stdin (one a line, odd ones in octal);
what reads stdin writes only below ``.sshsync/``; only ``publish`` makes a file visible; work is done in the
resolved root after checking that it still is that directory; no path is followed through a symbolic link; run
twice, a script leaves what it leaves run once; tools run with ``LC_ALL=C``.
"""

from dataclasses import dataclass, field

STAGING = ".sshsync"
"""The directory below every root that belongs to sshsync."""

OPEN = ".open"
"""The end of a name in staging that something may still write to."""

MISSING, LOST, HELD = 44, 45, 46
"""Statuses with a meaning: the root is missing; the lease is not ours any more; somebody else holds the lease."""


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
LEASE=; EMPTY=; LC_ALL=C; export LC_ALL; unset CDPATH TAR_OPTIONS POSIXLY_CORRECT QUOTING_STYLE TIME_STYLE BLOCK_SIZE
d() { case $1 in *\\*) v=$(printf '%bx' "$1"); v=${v%x};; *) v=$1;; esac; }
for a do d "$a"; n=${v%%=*}; v=${v#*=}; eval "$n=\$v"; done
top() { cd "$ROOT" && [ "$(pwd -P)" = "$ROOT" ] || { echo "the root is not $ROOT any more" >&2; return 1; }; }
own() { top || return; for p in .sshsync .sshsync/part .sshsync/batch .sshsync/lease; do
  if [ -L $p ] || { [ -e $p ] && [ ! -d $p ]; }; then
    echo "$p is not a directory of ours (remove this file or link, then run again)" >&2; return 1
  fi
done; }
held() { [ -z "$LEASE" ] || [ -d ".sshsync/lease/$LEASE" ] || return 45; }
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
      [ "$MAKE" = yes ] || return 2
      mkdir "$p" || [ -d "$p" ] || return 1
    fi
  done; }
plain() { case $1 in */*) w=${1%/*};; *) w=.;; esac
  if [ "$w" != "$last" ]; then
    real "$w" || { [ -d "$w" ] || echo "./$w: no such directory" >&2; return 1; }
    last=$w
  fi
  if [ -L "./$1" ]; then echo "./$1 is a symbolic link" >&2; return 1; fi; }
prune() { p=$1; while [ "$p" != . ]; do
  rmdir "./$p" 2>/dev/null || break; case $p in */*) p=${p%/*};; *) p=.;; esac
done; }
drop() { case $1 in */*) w=${1%/*};; *) w=.;; esac
  ( MAKE=no; real "$w" ) || return; [ -d "./$1" ] || rm -f "./$1"; prune "$w"; }
grouped() { g=.; i=0; first=0; failed=0; set --
  while IFS= read -r e; do d "${e#?}"
    case $e in
      R*) held || return; drop "$v";;
      G*) run "$@"; set --; g=$v; first=$i;;
      F*) set -- "$@" "./$v"; i=$((i + 1)); if [ $# -ge 100 ]; then run "$@"; set --; first=$i; fi;;
    esac
  done
  run "$@"; }
secrets() { for s in $SECRETS; do IFS= read -r e || return 1; d "$e"; eval "$s=\$v; export $s"; done; }
printf '%s begin\n' "$TOKEN"
"""

_EPILOGUE = r"""
main; printf '\n%s end %s\n' "$TOKEN" "$?"
"""
