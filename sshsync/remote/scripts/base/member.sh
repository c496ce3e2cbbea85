# Prints why files cannot be given to FILEGROUP, if so. Where id tells nothing, the host decides when they are given.
member() {
  [ -n "$FILEGROUP" ] || return 0
  ( cd / && find . -prune -group "$FILEGROUP" ) >/dev/null 2>&1 || { echo "there is no such group"; return; }
  [ "$(id -u 2>/dev/null)" != 0 ] || return 0
  n=$(id -Gn 2>/dev/null) || return 0
  case " $n $(id -G) " in *" $FILEGROUP "*) ;; *) printf '%s is only in: %s\n' "$(id -un)" "$n" ;; esac
}
