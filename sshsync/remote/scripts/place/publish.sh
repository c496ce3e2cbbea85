# Makes files of batch/BATCH visible, and PART, which goes into the batch as PARTNAME in PARTDIR first. stdin: see grouped.
# Prints the number of each file that is not in its place, and what stat tells of those that came there just now. Run again, it
# goes on where it was.

# Whether a directory is on the file system of staging: elsewhere mv copies, and readers see half a file.
same() {
  [ "$1" != "$last" ] || return 0
  if [ "$($STAT $OPTION "$DEVICE" "./$1")" != "$here" ]; then
    echo "./$1: is on another file system" >&2
    return 1
  fi
  last=$1
}
# With EMPTY: removes empty directories that are where files are to be.
spare() {
  [ -z "$EMPTY" ] || for f do
    [ ! -d "./$g/$f" ] || [ -L "./$g/$f" ] || find "./$g/$f" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
}
each() {
  held || return
  if real "$g" && same "$g" && spare "$@" && ( cd "$b" && MAKE=no && real "$g" && cd "./$g" && mv -f "$@" "$ROOT/$g/" ); then
    told "$@"
    return 0
  fi
  # What is gone from the batch and is in its place was moved by an earlier try.
  k=0
  j=$first
  for f do
    if [ -e "$b/$g/$f" ] || [ -L "$b/$g/$f" ] || [ ! -e "$ROOT/$g/$f" ]; then
      printf '%s failed %s\n' "$TOKEN" "$j"
      k=1
    fi
    j=$((j + 1))
  done
  return $k
}
main() {
  own && held || return
  b=$ROOT/.sshsync/batch/$BATCH
  MAKE=yes
  last=
  here=$($STAT $OPTION "$DEVICE" .sshsync) || return
  if [ -n "$PART" ] && [ -e ".sshsync/part/$PART" ]; then
    (umask 077; mkdir -p "$b") || return
    ( cd "$b" && real "$PARTDIR" && mv -f "$ROOT/.sshsync/part/$PART" "./$PARTNAME" ) || return
  fi
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  grouped || return
  [ -z "$SYNC" ] || $SYNC "$ROOT" || return
  held || return
  [ $failed = 1 ] || rm -rf ".sshsync/batch/$BATCH"
  return $failed
}
