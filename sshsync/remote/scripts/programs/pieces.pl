# Prints the pieces of ranges of files: of each its length and the beginning of its digest; a length of 0 ends a range.
# stdin: offset, length, least, most, tail, and a name between ./ and /; one range a line. A length is seven bits a byte, the
# lowest first. For perl from 5.8 on, with Digest::SHA or Digest::MD5.
use strict;
use Fcntl;
my $algorithm = $ARGV[0];
my $digest = $algorithm eq 'md5'
  ? do { require Digest::MD5; \&Digest::MD5::md5 }
  : do { require Digest::SHA; no strict 'refs'; \&{"Digest::SHA::$algorithm"} };
binmode STDIN;
binmode STDOUT;
my ($before, $buffer, $told) = (64, 2 << 20, 6);

# What makes out the end of a piece.
sub boundary {
  my ($tail) = @_;
  my @classes = ([16, 7], map { [4, (1, 3, 0, 2)[$_ % 4]] } 0 .. $tail - 1);
  my $text = '';
  for my $class (@classes) {
    my ($base, $rest) = @$class;
    $text .= '[' . join('', map { sprintf '\\x%02x', $_ } grep { $_ % $base == $rest } 0 .. 255) . ']';
  }
  return qr/$text/s;
}

# Prints length and digest of one piece.
sub tell_of {
  my $length = length $_[0];
  my $out = '';
  while ($length > 127) {
    $out .= chr(128 | $length & 127);
    $length >>= 7;
  }
  print $out, chr($length), substr($digest->($_[0]), 0, $told);
}

# Where a piece ends: at the first boundary, else at the weaker one with the least digest before it.
sub end_of {
  my ($held, $start, $limit, $first, @weaker) = @_;
  return $limit unless $first;
  my $window = substr($$held, $start, $limit - $start);
  return $start + $+[0] if $window =~ $first;
  for my $boundary (@weaker) {
    my ($end, $least);
    while ($window =~ /$boundary/g) {
      my $place = $start + $+[0];
      my $digest = $digest->(substr($$held, $place - $before, $before));
      ($end, $least) = ($place, $digest) if !$end || $digest lt $least;
    }
    return $end if $end;
  }
  return $limit;
}

# Prints the pieces of what is open; undef at its end, else a word about what is wrong.
sub cut {
  my ($file, $length, $least, $most, $tail) = @_;
  my @boundaries;
  for (my $weaker = $tail; $tail && $weaker >= 0; $weaker -= 2) {
    push @boundaries, boundary($weaker);
  }
  my $held = '';
  while (1) {
    my $want = $buffer + $most;
    $want = $length if $length < $want;
    my $got = $want ? sysread($file, $held, $want, length $held) : 0;
    return "$!" unless defined $got;
    $length -= $got;
    my $last = !$got || !$length;
    my ($start, $size) = (0, length $held);
    while ($start < $size and $last || $start + $most <= $size) {
      my $end = $start + $most < $size ? $start + $most : $size;
      $end = end_of(\$held, $start + $least, $end, @boundaries) if $start + $least < $end;
      tell_of(substr($held, $start, $end - $start));
      $start = $end;
    }
    return if $last;
    substr($held, 0, $start) = '';
  }
}

sub answer {
  my ($name, $offset, @how) = @_;
  my @seen = lstat $name or return "$!";
  -f _ or return 'it is no file';
  sysopen(my $file, $name, O_RDONLY) or return "$!";
  binmode $file;
  defined sysseek($file, $offset, 0) or return "$!";
  return cut($file, @how);
}

while (my $line = <STDIN>) {
  chomp $line;
  my ($offset, $length, $least, $most, $tail, $name) = split / /, $line, 6;
  chop $name;
  $name =~ s/\\0([0-7]{3})/chr oct $1/ge;
  my $wrong = answer($name, $offset, $length, $least, $most, $tail);
  warn "$name: $wrong\n" if $wrong;
  print "\0";
}
