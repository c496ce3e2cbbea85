# Has the operator's SSHCMD run COMMAND on the parent, and puts what that prints into part/PART, or into files of batch/BATCH.
# stdin: the COMMAND; what that reads there, up to a dot; then, in their order, as the controller grants them: H and how much of the part
# stays as it is (blocks of 65536, bytes); T and how much is taken (bytes of a block, blocks, bytes); F and the same of a file,
# and its name between ./ and /. A dot ends them. Prints a line when COMMAND has begun, for each grant that was taken, how many
# whole blocks came of one that was not, and how SSHCMD ended.
asked() { while IFS= read -r e && [ "$e" != . ]; do printf '%s\n' "$e"; done; }
# No name and no secret is in these words, and nobody is there whom a program could ask.
theirs() {
  (
    unset TOKEN THEIRS SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
    set -f
    IFS=
    eval "$SSHCMD \"\$COMMAND\""
  ) 3>&- 4<&- 5>&- 7>&-
}
some() {
  w=$(dd "bs=$1" "count=$2" iflag=fullblock 2>&1 >&6)
  k=$?
  [ "$k" = 0 ] || { printf '%s\n' "$w" >&2; return "$k"; }
  case $w in "$2+0 "*) ;; *) tell "came $1 ${w%%+*}"; return "$SHORT" ;; esac
}
take() {
  [ "$2" = 0 ] || some "$1" "$2" || return
  [ "$3" = 0 ] || some "$3" 1
} 6>&1
into() {
  d "${1%/}"
  set -- "$2" "$3" "$4" "${v#./}"
  case $4 in */*) real "${4%/*}" || return ;; esac
  take "$1" "$2" "$3" >"./$4"
}
# What follows a line lets it be read at once: as much is held back as the end of an answer takes.
tell() { printf '%s\n%48s\n' "$1" '' >&5; }
granted() { read -r y x n m f <&4 && [ "$y" != . ]; }
# Start-up files may say something first, but whoever says no end of it is not listened to for ever.
begun() {
  n=9999
  while [ "$n" -gt 0 ] && IFS= read -r e; do
    case $e in *"$THEIRS begin") tell begun; return ;; esac
    n=$((n - 1))
  done
  return "$SHORT"
}
taken() {
  begun || return
  while granted; do
    case $y in
      H) over "$x" "$n" ;;
      T) take "$x" "$n" "$m" && tell kept ;;
      F) into "$f" "$x" "$n" "$m" && tell kept ;;
    esac || return
  done
  [ "$y" = . ] && IFS= read -r e && [ -z "$e" ] && IFS= read -r e && [ "$e" = "$THEIRS end 0" ] || return "$SHORT"
}
pulled() {
  IFS= read -r e <&4 || return
  d "$e"
  COMMAND=$v
  a=$(asked <&4)
  s=$({ { { [ -z "$a" ] || printf '%s\n' "$a"; } | theirs; echo "$?" >&3; } | taken; } 3>&1 >&7)
  k=$?
  tell "ended $s"
  while granted; do :; done
  return $k
} 7>&1
main() {
  own || return
  export REMOTEHOST REMOTEPORT REMOTEUSER REMOTEDIR LOCALHOST LOCALUSER
  exec 4<&0 5>&1
  umask 077
  if [ -n "$PART" ]; then
    o=.sshsync/part/$PART
    mkdir -p .sshsync/part && : >"$o.open.$WRITER" || return
    pulled 1<>"$o"
    k=$?
    rm -f "$o.open.$WRITER"
    return $k
  fi
  b=$ROOT/.sshsync/batch/$BATCH
  MAKE=yes
  mkdir -p "$b.open" && cd "$b.open" && pulled && cd "$ROOT" && rm -rf "$b" && mv "$b.open" "$b"
}
