# Steps into ROOT, which is made with MAKE=yes, and prints where it is, all links resolved, and what lies in staging.
# With MAKE=later it has to be possible to make it.
root() {
  why=
  [ -z "$FILEGROUP" ] || why=$(member)
  [ -z "$why" ] || { echo "$why" >&2; return "$UNGROUPED"; }
  if [ ! -d "$ROOT" ]; then
    [ -e "$ROOT" ] || [ -L "$ROOT" ] && { echo "$ROOT is not a directory" >&2; return 1; }
    [ "$MAKE" = no ] || why=$(barred)
    [ -z "$why" ] || { echo "$why" >&2; return "$BARRED"; }
    [ "$MAKE" = yes ] || return "$MISSING"
    mkdir -p "$ROOT" || return 1
  fi
  if ! cd "$ROOT" 2>/dev/null; then
    [ -x "$ROOT" ] && echo "cannot enter $ROOT" >&2 || echo "cannot enter $ROOT: Permission denied" >&2
    return 1
  fi
  printf '%s root ' "$TOKEN"
  pwd -P || return
  [ -L .sshsync ] || for f in .sshsync/part/* .sshsync/batch/* .sshsync/lease/*; do
    [ ! -e "$f" ] || printf '%s left %s\n' "$TOKEN" "${f#.sshsync/}"
  done
}
