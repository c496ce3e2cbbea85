# Prints ranges of files, one after another. stdin: where it begins and how long it is (blocks of 65536, bytes; the same), a name between
# ./ and /.
main() {
  top || return
  while read -r k r n t e; do
    d "${e%/}"
    if ! range "$k" "$r" "$n" "$t" 3<"$v" 2>/dev/null; then
      [ ! -r "$v" ] || echo "$v: it cannot be read" >&2
      return 1
    fi
  done
}
