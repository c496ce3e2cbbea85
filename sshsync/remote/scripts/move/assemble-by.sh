# The same by RUN and PROGRAM; see programs/.
main() {
  own || return
  p=.sshsync/part/$PART
  umask 077
  unset PERL5OPT PERL5LIB PERLIO PERL_UNICODE
  mkdir -p .sshsync/part && : >"$p.open.$WRITER" || return
  inflated $RUN "$PROGRAM" 1<>"$p"
  k=$?
  rm -f "$p.open.$WRITER"
  return $k
}
