# Steps into ROOT, if that still is the directory it was resolved to.
top() { cd "$ROOT" && [ "$(pwd -P)" = "$ROOT" ] || { echo "the root is not $ROOT any more" >&2; return 1; }; }
