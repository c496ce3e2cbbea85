# Prints how much room there is, what staging takes of it (not what is put aside: that stays), and whether capitals and small letters are one; or why nothing
# can be staged.
# Staging is looked for, or made with MAKE=yes: who cannot make it cannot be brought anything.
main() {
  own || return
  why=$(barred)
  [ -z "$why" ] || { printf 'barred %s\n' "$why"; return; }
  [ "$MAKE" != yes ] || (umask 077; mkdir -p .sshsync) || return
  df -Pk . 2>/dev/null | while IFS= read -r line; do printf 'free %s\n' "$line"; done
  for p in .sshsync/part .sshsync/batch; do [ ! -d $p ] || printf 'staged %s\n' "$(du -sk $p 2>/dev/null)"; done
  [ ! -d .sshsync ] || [ ! -d .SSHSYNC ] || echo folds
}
