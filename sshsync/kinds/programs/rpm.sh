# Prints what rpm has on record, a line for each package, where LIST says so; has dnf's own Python carry out PROGRAM
# where there is one. ROOT is an installroot, "" for the host itself.
main() {
  command -v rpm >/dev/null 2>&1 || return $BARRED
  if [ -n "$ROOT" ]; then
    cd "$ROOT" 2>/dev/null || return $MISSING
    ROOT=$(pwd -P)
  fi
  [ -z "$LIST" ] || list || return
  [ -z "$PROGRAM" ] || carried_out
}

list() {
  if [ "$(id -u)" = 0 ]; then who=root; else who=other; fi
  printf '%s arch %s %s\n' "$TOKEN" "$(uname -m)" "$who"
  set --
  if [ -n "$ROOT" ]; then
    printf '%s root %s\n' "$TOKEN" "$ROOT"
    set -- --root "$ROOT"
  fi
  # Where there is no database, rpm as root makes one when it is asked.
  place=$(rpm --eval '%{_dbpath}')
  set -- "$@" -qa --qf "$TOKEN rpm %{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n"
  for f in rpmdb.sqlite Packages.db Packages; do
    [ ! -s "$ROOT$place/$f" ] || {
      rpm "$@"
      return
    }
  done
  printf '%s none %s\n' "$TOKEN" "$ROOT$place"
}

# dnf is a program of the Python that it says it is for.
carried_out() {
  dnf=$(command -v dnf-3 || command -v dnf) || return $UNABLE
  IFS= read -r first <"$dnf"
  case $first in '#!'*python*) ;; *) return $UNABLE ;; esac
  first=${first#'#!'}
  cd / || return
  unset PYTHONHOME PYTHONPATH
  "${first%% *}" -E -s -B -c "$PROGRAM" "$TOKEN" "$MODE" "$ROOT"
}
