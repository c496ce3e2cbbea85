# Makes files of batch/BATCH out of others below ROOT and of what comes on stdin, by RUN and PROGRAM; see programs/assemble.
main() {
  own || return
  b=.sshsync/batch/$BATCH
  umask 077
  unset PERL5OPT PERL5LIB PERLIO PERL_UNICODE
  mkdir -p "$b.open" || return
  inflated $RUN "$PROGRAM" "$b.open" && rm -rf "$b" && mv "$b.open" "$b"
}
