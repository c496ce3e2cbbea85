# Steps into ROOT, and makes sure that nobody put a file or a link where staging is.
own() {
  top || return
  for p in .sshsync .sshsync/part .sshsync/batch .sshsync/lease .sshsync/replaced; do
    if [ -L $p ] || { [ -e $p ] && [ ! -d $p ]; }; then
      echo "$p is not a directory of ours (remove this file or link, then run again)" >&2
      return 1
    fi
  done
}
