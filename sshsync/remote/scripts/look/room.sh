# Prints how much room there is, what staging takes of it, and whether capitals and small letters are one; or why nothing
# can be staged.
# Staging is looked for, or made with MAKE=yes: who cannot make it cannot be brought anything.
main() {
  own || return
  why=$(barred)
  [ -z "$why" ] || { printf 'barred %s\n' "$why"; return; }
  [ "$MAKE" != yes ] || (umask 077; mkdir -p .sshsync) || return
  df -Pk . 2>/dev/null | while IFS= read -r line; do printf 'free %s\n' "$line"; done
  [ ! -d .sshsync ] || printf 'staged %s\n' "$(du -sk .sshsync 2>/dev/null)"
  [ ! -d .sshsync ] || [ ! -d .SSHSYNC ] || echo folds
}
