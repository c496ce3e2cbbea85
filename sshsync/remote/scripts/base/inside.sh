# Whether this is the directory $1 of the root: a step through a link that somebody has just put there leads elsewhere.
inside() {
  q=$(pwd -P; echo .)
  [ "${q%??}" = "$ROOT/$1" ] || { echo "./$1 is behind a symbolic link" >&2; return 1; }
}
