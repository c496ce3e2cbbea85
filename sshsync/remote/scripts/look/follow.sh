# For a shell of its own: prints for each link what STAT tells of the file below the root that it leads to, and how each other one
# goes astray. Its words: what resolves links, the root, STAT, its option and what it prints, then the names.
f=$1
r=$2
s=$3
o=$4
w=$5
shift 5
k=0
for l do
  p=$($f "$l" 2>/dev/null && echo x)
  p=${p%?x}
  y=outside
  case $p in
    '') y=nothing ;;
    "$r"/.sshsync | "$r"/.sshsync/*) y=staging ;;
    "$r" | "$r"/*)
      y=nothing
      [ ! -e "$p" ] || y=other
      [ ! -d "$p" ] || y=directory
      [ ! -f "$p" ] || y=
      ;;
  esac
  if [ -n "$y" ]; then
    printf '%s astray %s %s\n' "$0" "$y" "$l"
  else
    printf '%s follow %s\n' "$0" "$l"
    $s $o "$w" "$l" || k=1
  fi
done
exit $k
