# Has the operator's TEMPLATE bring each name on stdin into batch/BATCH, WIDTH of them side by side. Prints a record for each:
# its number, the template's status, the beginning of what it said.
one() {
  out=$( ( unset TOKEN; set -f; IFS=; eval "$TEMPLATE" ) </dev/null 2>&1 )
  s=$?
  if [ -L "$FILEPATH" ]; then
    rm -f "$FILEPATH"
    s=1
    out='it brings a symbolic link and not the file that it leads to (let it follow links: rsync -L, cp -L)'
  fi
  printf '%s %s %s %.2000s\n' "$TOKEN" "$i" "$s" "$out"
}
main() {
  own || return
  secrets || return
  LOCALDIR=$ROOT/.sshsync/batch/$BATCH.open
  MAKE=yes
  i=0
  (umask 077; mkdir -p "$LOCALDIR") && cd "$LOCALDIR" || return
  export REMOTEHOST REMOTEPORT REMOTEUSER REMOTEDIR LOCALHOST LOCALUSER LOCALDIR
  while IFS= read -r e; do
    d "$e"
    FILE=$v
    case $v in
      */*)
        w=$v
        real "${w%/*}" || return
        v=$w
        ;;
    esac
    rm -f "./$v"
    REPOPATH=$ROOT
    FILEPATH=$LOCALDIR/$v
    export FILE FILEPATH REPOPATH
    one &
    i=$((i + 1))
    [ $((i % WIDTH)) -ne 0 ] || wait
  done
  wait
  cd "$ROOT" && rm -rf "${LOCALDIR%.open}" && mv "$LOCALDIR" "${LOCALDIR%.open}"
}
