# Whether every component of a path below $2 (here, without it) is a directory and no link. What is missing is made with
# MAKE=yes, else the status is 2.
real() {
  p=${2:-.}
  r=$1/
  [ "$1" = . ] && return 0
  while [ -n "$r" ]; do
    p=$p/${r%%/*}
    r=${r#*/}
    if [ -L "$p" ]; then
      echo ".${p#"${2:-.}"} is a symbolic link" >&2
      return 1
    fi
    if [ ! -d "$p" ]; then
      [ "$MAKE" = yes ] || return 2
      mkdir "$p" || [ -d "$p" ] || return 1
    fi
  done
}
