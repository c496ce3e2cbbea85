# Takes a tar stream on stdin into batch/BATCH.
main() {
  own || return
  b=$ROOT/.sshsync/batch/$BATCH
  (umask 077; mkdir -p "$b.open") && ( cd "$b.open" && inflated tar -xpof - ) && rm -rf "$b" && mv "$b.open" "$b"
}
