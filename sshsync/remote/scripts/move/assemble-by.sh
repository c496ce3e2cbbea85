# The same by RUN and PROGRAM; see programs/.
main() {
  own || return
  p=.sshsync/part/$PART
  umask 077
  unset PERL5OPT PERL5LIB PERLIO PERL_UNICODE
  if rm -rf "$p.open" && mkdir -p .sshsync/part && $RUN "$PROGRAM" "$SIZE" >"$p.open"; then
    mv -f "$p.open" "$p"
    return
  fi
  rm -rf "$p.open"
  return 1
}
