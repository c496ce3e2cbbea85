# Has a Python carry out PROGRAM: that of the environment ROOT, else the one called PYTHON. Neither the account's own
# modules nor what lies in the current directory is seen by it.
main() {
  if [ -n "$ROOT" ]; then
    PYTHON=$ROOT/bin/python
    [ -d "$ROOT" ] || return $MISSING
    [ -x "$PYTHON" ] || return $BARRED
  else
    PYTHON=$(command -v "$PYTHON") || return $MISSING
  fi
  cd / || return
  unset PYTHONHOME PYTHONPATH
  "$PYTHON" -E -s -B -c "$PROGRAM" "$TOKEN" "$MODE"
}
