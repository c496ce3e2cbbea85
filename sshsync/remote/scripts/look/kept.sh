# Prints where ROOT is, then a record for each file that is put aside: its name begins with that of the run.
main() {
  root || return
  if [ -L .sshsync ] || [ -L .sshsync/replaced ] || [ ! -d .sshsync/replaced ]; then return 0; fi
  cd .sshsync/replaced && find . -type f -exec $STAT $OPTION "$FORMAT" {} +
}
