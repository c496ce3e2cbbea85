# Prints what rpm has on record: a line for each package. ROOT is an installroot, "" for the host itself.
main() {
  command -v rpm >/dev/null 2>&1 || return $BARRED
  if [ "$(id -u)" = 0 ]; then who=root; else who=other; fi
  printf '%s arch %s %s\n' "$TOKEN" "$(uname -m)" "$who"
  if [ -n "$ROOT" ]; then
    cd "$ROOT" 2>/dev/null || return $MISSING
    ROOT=$(pwd -P)
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
