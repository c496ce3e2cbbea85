# Steps over $1 blocks and $2 bytes of what is open as 3, then prints $3 blocks and $4 bytes. No number is ever larger than dd
# itself can count, and no read is asked for more than it gets from a file.
range() {
  [ "$1" = 0 ] || dd bs=65536 "skip=$(($1 - 1))" count=1 <&3 >/dev/null || return
  [ "$2" = 0 ] || dd "bs=$2" count=1 <&3 >/dev/null || return
  [ "$3" = 0 ] || dd bs=65536 "count=$3" <&3 || return
  [ "$4" = 0 ] || dd "bs=$4" count=1 <&3
}
