"""Who works on a child: ``.sshsync/lease/<token>/``, made and removed by whole directories.

Making a directory is atomic on every file system, and a step into a directory that is gone fails: so a holder whose
lease was taken over can neither renew it nor publish. The lease holds its owner's words and one empty file whose name
changes with every renewal: who wants the lease watches that name by a clock of his own.
"""

from sshsync.remote.scripts.base import Script

_NOBODY = r"""
nobody() { for t in "$1"/*; do [ ! -d "$t" ] || return; done; }
"""
"""Tells that no lease lies there, whatever else a file system left there."""

CLAIM = Script(
    "claim",
    _NOBODY
    + r"""
told() { for t in $l/*; do [ -d "$t" ] && [ ! -L "$t" ] || continue
  printf 'token %s\n' "${t##*/}"
  if [ -f "$t/owner" ] && [ ! -L "$t/owner" ]; then
    IFS= read -r w <"$t/owner"; printf 'owner %.4000s\n' "$w"
  fi
  for f in "$t"/n*; do [ ! -e "$f" ] || printf 'sign %s\n' "${f##*/}"; done
done; }
seize() {
  if [ "$EXPECT" = - ]; then nobody $l || return; else [ -d "$l/$EXPECT" ] || return; fi
  rm -rf "$was"; mv $l "$was" 2>/dev/null
  if [ "$EXPECT" = - ]; then ! nobody "$was" || rm -rf "$was"
  elif [ -d "$was/$EXPECT" ]; then rm -rf "$was"; fi
  [ ! -d "$was" ] || [ -d $l ] || mv "$was" $l
  rm -rf "$was"
}
sign() { : >"$1/n0"; printf '%s\n' "$OWNER" >"$1/owner" || rm -f "$1/owner"; }
alone() { for t in $l/*; do [ ! -d "$t" ] || [ "$t" = "$l/$LEASE" ] || return; done; }
main() {
  own || return; l=.sshsync/lease; was=.sshsync/lost.$LEASE
  (umask 077; mkdir -p .sshsync) || return
  [ ! -d "$l/$LEASE" ] || return 0
  [ -z "$EXPECT" ] || [ ! -d $l ] || seize
  if (umask 077; mkdir $l) 2>/dev/null; then
    if (umask 077; mkdir "$l/$LEASE") && alone; then
      ( umask 077; sign "$l/$LEASE" ) 2>/dev/null
      rm -rf .sshsync/lost.*; return 0
    fi
    rm -rf "$l/$LEASE"; rmdir $l 2>/dev/null && return 1
    return 46
  fi
  [ -d $l ] || { mkdir $l && rmdir $l; return 1; }
  told; return 46
}
""",
)

RENEW = Script(
    "renew",
    r"""
main() {
  own || return; t=.sshsync/lease/$LEASE
  ( : >"$t/n$COUNT" ) 2>/dev/null || held || return
  for f in "$t"/n*; do [ "$f" = "$t/n$COUNT" ] || rm -f "$f"; done
}
""",
)

RELEASE = Script(
    "release",
    _NOBODY
    + r"""
main() {
  own || return; [ -d .sshsync/lease ] || return 0
  l=.sshsync/lease; was=.sshsync/lost.$LEASE
  rm -rf "$l/$LEASE" || rm -rf "$l/$LEASE"
  rmdir $l 2>/dev/null || ! nobody $l || { mv $l "$was" && rm -rf "$was"; }
  return 0
}
""",
)
