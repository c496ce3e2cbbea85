# Writes ranges of files below ROOT, and SIZE bytes from stdin, into part/PART. First come lines, from its first byte on: H and
# how much stays as it is (blocks of 65536, bytes); F, one less than the bytes that a file has at least, and its name; C and a
# range of that file, as ranges.sh takes it; L and how many of the bytes. A dot ends the lines, then come the bytes. They are
# kept in the mark of who writes (see store.sh): from a file no read brings less than it was asked for.
plan() {
  while IFS= read -r e && [ "$e" != . ]; do printf '%s\n' "$e"; done
  [ "$e" = . ] || { echo "the plan has no end" >&2; return 1; }
}
opened() {
  d "${1#* }"
  s=$v
  plain "$s" || return
  [ -f "./$s" ] || { echo "./$s: it is no file" >&2; return 1; }
  [ -n "$(find "./$s" -size "+${1%% *}c")" ] || { echo "./$s: it is shorter than it was" >&2; return 1; }
}
copy() { range "$2" "$3" "$4" "$5" 3<"./$s"; }
build() {
  last=
  while IFS= read -r e; do
    case $e in
      H*) over ${e#H } || { echo "it cannot be written to" >&2; return 1; } ;;
      F*) opened "${e#F }" || return ;;
      C*) copy $e 2>"$o.said" || { cat "$o.said" >&2; return 1; } ;;
      L*) range 0 0 ${e#L } 2>"$o.said" || { cat "$o.said" >&2; return 1; } ;;
    esac
  done
}
come() { plan >"$o.plan" && cat >"$o"; }
whole() { [ "$SIZE" = 0 ] || [ -n "$(find "$o" -size "${SIZE}c")" ] || { echo "not all of $SIZE bytes came" >&2; return 1; }; }
main() {
  own || return
  p=.sshsync/part/$PART
  o=$p.open.$WRITER
  MAKE=no
  umask 077
  mkdir -p .sshsync/part && : >"$o" || return
  inflated come && build <"$o.plan" 3<"$o" 1<>"$p" && whole
  k=$?
  rm -f "$o" "$o.plan" "$o.said"
  return $k
}
