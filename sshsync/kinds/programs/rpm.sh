# Prints what rpm has on record, a line for each package, where LIST says so; carries out PROGRAM where MODE says so,
# with DNF4 or DNF5 behind it. ROOT is an installroot, "" for the host itself.
main() {
  command -v rpm >/dev/null 2>&1 || return $BARRED
  if [ -n "$ROOT" ]; then
    cd "$ROOT" 2>/dev/null || return $MISSING
    ROOT=$(pwd -P)
  fi
  [ -z "$LIST" ] || list || return
  # Who only looks needs nobody who could change something.
  case $MODE in
  '') ;;
  look) carried_out || unable $? ;;
  *) carried_out ;;
  esac
}

unable() {
  [ "$1" = $UNABLE ] || return "$1"
  printf '%s unable\n' "$TOKEN"
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

# dnf 4 is a program of the Python that it says it is for; dnf 5 is asked by any.
carried_out() {
  dnf=$(command -v dnf || command -v dnf5 || command -v dnf-3) || return $UNABLE
  IFS= read -r first <"$dnf" 2>/dev/null
  case $first in
  '#!'*python*)
    PROGRAM=$PROGRAM$DNF4
    # As in `#!/usr/bin/python3 -s`, or `#! /usr/bin/env python3`.
    first=${first#'#!'}
    first=${first#"${first%%[! ]*}"}
    python=${first%% *}
    first=${first#* }
    [ "${python##*/}" != env ] || python=${first%% *}
    ;;
  *)
    PROGRAM=$PROGRAM$DNF5
    python=$(command -v python3) && command -v dnf5 >/dev/null || return $UNABLE
    ;;
  esac
  cd / || return
  unset PYTHONHOME PYTHONPATH
  "$python" -E -s -B -c "$PROGRAM" "$TOKEN" "$MODE" "$ROOT"
  code=$?
  # It is not there, or cannot run.
  case $code in 126 | 127) return $UNABLE ;; esac
  return $code
}
