# Prints ranges of files, one after another. stdin: where it begins and how long it is (blocks of 65536, bytes; the same), a
# name between ./ and /. A file that ends before its range does is printed up to its end.
ranges() {
  while read -r k r n t e; do
    d "${e%/}"
    if ! range "$k" "$r" "$n" "$t" 3<"$v" 2>/dev/null; then
      if [ -r "$v" ]; then echo "$v: it cannot be read" >&2; else cat <"$v" >/dev/null; fi
      return 1
    fi
  done
}
main() { top && deflated ranges; }
