# Reads lines from stdin: G and a directory, F and a name in it, R and a path to remove at this point, B and the batch that the
# names from here on are in. Calls each() with up to a hundred names of one directory g at a time; first is the number of the
# first of them, counted over all F lines.
grouped() {
  g=.
  i=0
  first=0
  failed=0
  set --
  while IFS= read -r e; do
    d "${e#?}"
    case $e in
      R*)
        held || return
        drop "$v"
        ;;
      F*)
        set -- "$@" "./$v"
        i=$((i + 1))
        if [ $# -ge 100 ]; then
          run "$@"
          set --
          first=$i
        fi
        ;;
      *)
        run "$@"
        set --
        first=$i
        case $e in
          B*) b=$ROOT/.sshsync/batch/$v ;;
          *) g=$v ;;
        esac
        ;;
    esac
  done
  run "$@"
}
