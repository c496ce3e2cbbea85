"""Who works on a child: ``.sshsync/lease/<token>/``, made and removed by whole directories.

Making a directory is atomic on every file system, and a step into a directory that is gone fails: so a holder whose
lease was taken over can neither renew it nor publish. The lease holds its owner's words and one empty file whose name
changes with every renewal: who wants the lease watches that name by a clock of his own.
"""

from sshsync.remote.scripts.base import Script

CLAIM = Script(
    "claim",
    r"""
told() { for t in $l/*; do [ -d "$t" ] || continue
  printf 'token %s\n' "${t##*/}"
  [ ! -f "$t/owner" ] || { printf 'owner '; cat "$t/owner"; }
  for f in "$t"/n*; do [ ! -e "$f" ] || printf 'sign %s\n' "${f##*/}"; done
done; }
nobody() { for t in "$1"/*; do [ ! -d "$t" ] || return; done; }
seize() {
  rm -rf "$was"; mv $l "$was" 2>/dev/null
  if [ "$EXPECT" = - ]; then ! nobody "$was" || rm -rf "$was"
  elif [ -d "$was/$EXPECT" ]; then rm -rf "$was"; fi
  [ ! -d "$was" ] || [ -d $l ] || mv "$was" $l
  rm -rf "$was"
}
main() {
  own || return; l=.sshsync/lease; was=.sshsync/lost.$LEASE
  (umask 077; mkdir -p .sshsync) || return
  [ ! -f "$l/$LEASE/owner" ] || return 0
  [ -z "$EXPECT" ] || [ ! -d $l ] || seize
  if (umask 077; mkdir $l) 2>/dev/null; then
    (umask 077; mkdir "$l/$LEASE" && : >"$l/$LEASE/n0" && printf '%s\n' "$OWNER" >"$l/$LEASE/owner") && return
    [ -d $l ] || return 46
    rm -rf "$l/$LEASE"; rmdir $l; return 1
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
    r"""
main() {
  own || return; [ -d .sshsync/lease ] || return 0
  rm -rf ".sshsync/lease/$LEASE"; rmdir .sshsync/lease 2>/dev/null; return 0
}
""",
)
