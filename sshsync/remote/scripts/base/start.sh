# How every program starts: variables come as NAME=VALUE, odd bytes in octal; then the answer begins.
LEASE=
EMPTY=
XARGS=
PACK=
RUN=
FILEGROUP=
KEEP=
LINKS=
FOLLOW=
LC_ALL=C
export LC_ALL
unset CDPATH GZIP ZSTD_CLEVEL ZSTD_NBTHREADS TAR_OPTIONS POSIXLY_CORRECT QUOTING_STYLE TIME_STYLE BLOCK_SIZE
# Decodes a word into v. The x keeps line feeds at its end, which $(...) would take away.
d() {
  case $1 in
    *\\*)
      v=$(printf '%bx' "$1")
      v=${v%x}
      ;;
    *) v=$1 ;;
  esac
}
for a do
  d "$a"
  n=${v%%=*}
  v=${v#*=}
  eval "$n=\$v"
done
printf '%s begin\n' "$TOKEN"
