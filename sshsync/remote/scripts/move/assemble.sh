# Makes part/PART of SIZE bytes out of ranges of files below ROOT and of bytes on stdin. First come lines: F and the name of a
# file; C and a range of it, as ranges.sh takes it; L and how many of the bytes (blocks of 65536, bytes). A dot ends the lines,
# then come the bytes. They are kept in a file: from a file no read brings less than it was asked for.
plan() {
  while IFS= read -r e && [ "$e" != . ]; do printf '%s\n' "$e"; done
  [ "$e" = . ] || { echo "the plan has no end" >&2; return 1; }
}
copy() { range "$2" "$3" "$4" "$5" 3<"./$s"; }
build() {
  last=
  while IFS= read -r e; do
    case $e in
      F*)
        d "${e#F }"
        s=$v
        plain "$s" || return
        [ -f "./$s" ] || { echo "./$s: it is no file" >&2; return 1; }
        ;;
      C*) copy $e 2>"$o/said" || { cat "$o/said" >&2; return 1; } ;;
      L*) range 0 0 ${e#L } 2>"$o/said" || { cat "$o/said" >&2; return 1; } ;;
    esac
  done
}
whole() { [ -n "$(find "$o/whole" -size "${SIZE}c")" ] || { echo "what was put together is not of $SIZE bytes" >&2; return 1; }; }
main() {
  own || return
  t=.sshsync/part/$PART
  o=$t.open
  MAKE=no
  umask 077
  if rm -rf "$o" && mkdir -p "$o" && plan >"$o/plan" && cat >"$o/bytes" && build <"$o/plan" 3<"$o/bytes" >"$o/whole" && whole; then
    mv -f "$o/whole" "$t" && rm -rf "$o"
    return
  fi
  rm -rf "$o"
  return 1
}
