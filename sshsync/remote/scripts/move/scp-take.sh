# Becomes the far end of an scp that takes NAME into batch/BATCH. It leaves the name open: close.sh ends it.
main() {
  own || return
  b=.sshsync/batch/$BATCH.open
  MAKE=yes
  (umask 077; mkdir -p "$b") && cd "$b" || return
  case $NAME in */*) real "${NAME%/*}" || return ;; esac
  rm -f "./$NAME" && exec scp -t "./$NAME"
}
