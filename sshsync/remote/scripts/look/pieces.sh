# Has RUN carry out PROGRAM, which prints length and DIGEST of each piece of ranges of files below BELOW; see programs/.
main() {
  top && cd "$BELOW" || return
  unset PERL5OPT PERL5LIB PERLIO PERL_UNICODE
  $RUN "$PROGRAM" "$DIGEST"
}
