# Prints what rpm has on record: a line for each package. ROOT is an installroot, "" for the host itself.
main() {
  command -v rpm >/dev/null 2>&1 || return $BARRED
  if [ "$(id -u)" = 0 ]; then who=root; else who=other; fi
  printf '%s arch %s %s\n' "$TOKEN" "$(uname -m)" "$who"
  if [ -n "$ROOT" ]; then
    cd "$ROOT" 2>/dev/null || return $MISSING
    printf '%s root %s\n' "$TOKEN" "$(pwd -P)"
    set -- --root "$(pwd -P)"
  fi
  rpm "$@" -qa --qf "$TOKEN rpm %{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n"
}
