# Prints ranges of files below ROOT, one after another, by RUN and PROGRAM; see programs/assemble.
main() {
  top || return
  unset PERL5OPT PERL5LIB PERLIO PERL_UNICODE
  deflated $RUN "$PROGRAM"
}
