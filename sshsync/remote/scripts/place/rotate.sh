# Removes what runs before the last COUNT put aside, the run KEEP being the last: each from sight at once, then for good.
# Whether a run put anything there.
something() { find "$1" ! -type d -print 2>/dev/null | { IFS= read -r v; }; }
main() {
  own && held || return
  [ -d .sshsync/replaced ] || return 0
  was=.sshsync/batch/old.$LEASE
  set --
  for f in .sshsync/replaced/*; do
    if [ "$f" = ".sshsync/replaced/$KEEP" ]; then
      COUNT=$((COUNT - 1))
    elif something "$f"; then
      set -- "$@" "$f"
    else
      find "$f" -depth -type d -exec rmdir {} \; 2>/dev/null
    fi
  done
  while [ $# -gt "$COUNT" ]; do
    (umask 077; mkdir -p .sshsync/batch) && rm -rf "$was" && mv "$1" "$was" && rm -rf "$was" || return
    shift
  done
}
