# Prints where ROOT is, all links resolved. With MAKE=yes it is made.
main() {
  if [ ! -d "$ROOT" ]; then
    [ -e "$ROOT" ] || [ -L "$ROOT" ] && { echo "$ROOT is not a directory" >&2; return 1; }
    [ "$MAKE" = yes ] || return "$MISSING"
    mkdir -p "$ROOT" || return 1
  fi
  cd "$ROOT" 2>/dev/null && pwd -P && return
  [ -x "$ROOT" ] && echo "cannot enter $ROOT" >&2 || echo "cannot enter $ROOT: Permission denied" >&2
  return 1
}
