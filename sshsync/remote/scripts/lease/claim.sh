# Takes the lease LEASE for OWNER. With EXPECT it is taken from that holder, with EXPECT=- from a directory that holds none.
# Where somebody else has it: prints his token, his words and the signs of his renewals.
told() {
  for t in $l/*; do
    [ -d "$t" ] && [ ! -L "$t" ] || continue
    printf 'token %s\n' "${t##*/}"
    if [ -f "$t/owner" ] && [ ! -L "$t/owner" ]; then
      IFS= read -r w <"$t/owner"
      printf 'owner %.4000s\n' "$w"
    fi
    for f in "$t"/n*; do [ ! -e "$f" ] || printf 'sign %s\n' "${f##*/}"; done
  done
}
# Puts the directory aside whole, and back when somebody else's lease turns out to be in it.
seize() {
  if [ "$EXPECT" = - ]; then nobody $l || return; else [ -d "$l/$EXPECT" ] || return; fi
  rm -rf "$was"
  mv $l "$was" 2>/dev/null
  if [ "$EXPECT" = - ]; then
    ! nobody "$was" || rm -rf "$was"
  elif [ -d "$was/$EXPECT" ]; then
    rm -rf "$was"
  fi
  [ ! -d "$was" ] || [ -d $l ] || mv "$was" $l
  rm -rf "$was"
}
sign() {
  : >"$1/n0"
  printf '%s\n' "$OWNER" >"$1/owner" || rm -f "$1/owner"
}
alone() { for t in $l/*; do [ ! -d "$t" ] || [ "$t" = "$l/$LEASE" ] || return; done; }
main() {
  own || return
  l=.sshsync/lease
  was=.sshsync/lost.$LEASE
  (umask 077; mkdir -p .sshsync) || return
  [ ! -d "$l/$LEASE" ] || return 0
  [ -z "$EXPECT" ] || [ ! -d $l ] || seize
  if (umask 077; mkdir $l) 2>/dev/null; then
    # Who was stopped between the two directories may find another's beside his own.
    if (umask 077; mkdir "$l/$LEASE") && alone; then
      ( umask 077; sign "$l/$LEASE" ) 2>/dev/null
      rm -rf .sshsync/lost.*
      return 0
    fi
    rm -rf "$l/$LEASE"
    rmdir $l 2>/dev/null && return 1
    return "$HELD"
  fi
  # Nobody there, and yet no directory: the second try says why.
  [ -d $l ] || { mkdir $l && rmdir $l; return 1; }
  told
  return "$HELD"
}
