# Gives the lease back; what is somebody else's stays.
main() {
  own || return
  [ -d .sshsync/lease ] || return 0
  l=.sshsync/lease
  was=.sshsync/lost.$LEASE
  rm -rf "$l/$LEASE" || rm -rf "$l/$LEASE"
  rmdir $l 2>/dev/null || ! nobody $l || { mv $l "$was" && rm -rf "$was"; }
  return 0
}
