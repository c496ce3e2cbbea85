#!/bin/sh
# A faithful port of the way of working of the nightly script that sshsync replaces: list both hosts, ask both for
# the digest of every file by an ssh of its own, and let the child fetch each file that differs by scp.
#
# Usage: original.sh SSH SCP_OPTIONS PARENT_HOST PARENT_ROOT CHILD_HOST CHILD_ROOT
set -eu
ssh=$1 scp=$2 parent=$3 parent_root=$4 child=$5 child_root=$6
digest() { # host path
  $ssh "$1" "if [ -f '$2' ]; then sha1sum '$2' | cut -d' ' -f1; else echo NONE; fi" </dev/null
}
$ssh "$parent" "find '$parent_root' -type f" </dev/null | while IFS= read -r path; do
  file=${path#"$parent_root"/}
  want=$(digest "$parent" "$path")
  have=$(digest "$child" "$child_root/$file")
  if [ "$want" != "$have" ]; then
    $ssh "$child" "mkdir -p \"\$(dirname '$child_root/$file')\" && scp -q -p $scp '$parent:$path' '$child_root/$file'" </dev/null
    [ "$want" = "$(digest "$child" "$child_root/$file")" ] || echo "$file differs" >&2
  fi
done
