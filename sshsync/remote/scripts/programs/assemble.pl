# Writes ranges of files, and what follows on stdin, into the file on stdout, from its first byte on. stdin: lines of H and how
# much stays as it is; F, one less than the bytes that a file has at least, and its name; C and a range of that file; L and how
# many of the bytes that follow; a dot; the bytes. A length is a number of blocks and of bytes. For perl from 5.8 on.
use strict;
use Fcntl;
my ($block, $most) = (1 << 16, 1 << 20);
binmode STDIN;
binmode STDOUT;

# Opens a file below the working directory, through no link.
sub opened {
  my ($name) = @_;
  my @parts = split m{/}, $name;
  for my $number (0 .. $#parts - 1) {
    my $above = join '/', @parts[0 .. $number];
    lstat $above;
    -d _ or die "$name: it is behind a link\n";
  }
  lstat "./$name" or die "$name: $!\n";
  -f _ or die "$name: it is no file\n";
  sysopen(my $file, "./$name", O_RDONLY) or die "$name: $!\n";
  binmode $file;
  return $file;
}

# Hands on so many bytes, all of them.
sub bring {
  my ($source, $length, $name) = @_;
  while ($length) {
    my $got = read($source, my $piece, $length < $most ? $length : $most);
    defined $got or die "$name: $!\n";
    $got or die "$name: it is shorter than it was\n";
    print $piece or die "$!\n";
    $length -= $got;
  }
}

my @lines;
while (1) {
  my $line = <STDIN>;
  defined $line or die "the plan has no end\n";
  last if $line eq ".\n";
  chomp $line;
  push @lines, $line;
}
my ($name, $source);
for my $line (@lines) {
  if ($line =~ s/^F (\d+) //) {
    my $least = $1;
    ($name = $line) =~ s/\\0([0-7]{3})/chr oct $1/ge;
    $source = opened($name);
    -s $source > $least or die "$name: it is shorter than it was\n";
    next;
  }
  my ($what, @numbers) = split / /, $line;
  my $length = $numbers[-2] * $block + $numbers[-1];
  if ($what eq 'H') {
    seek(STDOUT, $length, 1) or die "$!\n";
  } elsif ($what eq 'C') {
    seek($source, $numbers[0] * $block + $numbers[1], 0) or die "$name: $!\n";
    bring($source, $length, $name);
  } else {
    bring(\*STDIN, $length, 'stdin');
  }
}
close(STDOUT) or die "$!\n";
