# Steps below the root, directory by directory, and makes those that are missing with MAKE=yes; else the status is 2 where one is.
step() {
  r=$1/
  a=
  while [ -n "$r" ]; do
    c=${r%%/*}
    r=${r#*/}
    a=$a${a:+/}$c
    [ ! -L "./$c" ] || { echo "./$a is a symbolic link" >&2; return 1; }
    if [ ! -d "./$c" ]; then
      [ "$MAKE" = yes ] || return 2
      mkdir "./$c" || return
    fi
    cd "./$c" && inside "$a" || return 1
  done
}
