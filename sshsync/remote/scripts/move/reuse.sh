# Copies files below ROOT into batch/BATCH. stdin: pairs of lines, T and the name there, F and the file. What cannot be copied is
# left out: whoever wants the digests of all will miss it.
to() { case $t in */*) MAKE=yes; real "${t%/*}" "$b.open" ;; esac; }
main() {
  own || return
  b=$ROOT/.sshsync/batch/$BATCH
  umask 077
  mkdir -p "$b.open" || return
  last=
  while IFS= read -r e; do
    d "${e#?}"
    case $e in
      T*) t=$v ;;
      *)
        MAKE=no
        plain "$v" && [ -f "./$v" ] && to && cp -p "./$v" "$b.open/$t"
        ;;
    esac
  done
  rm -rf "$b" && mv "$b.open" "$b"
}
