# Writes ranges of files, and what follows on stdin, into the file on stdout, or into files of their own. stdin: lines of T, mode,
# time and name of a file below the directory that is the argument: what follows goes there, and not to stdout; H and how much
# stays as it is; F, one less than the bytes that a file has at least, and its name; C and a range of that file; L and how many of
# the bytes that follow; a dot; the bytes. A length is a number of blocks and of bytes. A file of its own that cannot be made of
# others is left out. For perl from 5.8 on.
use strict;
use Fcntl;
my ($block, $most) = (1 << 16, 1 << 20);
binmode STDIN;
binmode STDOUT;

sub decoded {
  my ($word) = @_;
  $word =~ s/\\0([0-7]{3})/chr oct $1/ge;
  return $word;
}

# Opens a file below the working directory, through no link; returns it, or nothing and why.
sub opened {
  my ($name, $least) = @_;
  my @parts = split m{/}, $name;
  for my $number (0 .. $#parts - 1) {
    my $above = join '/', @parts[0 .. $number];
    lstat $above;
    -d _ or return (undef, 'it is behind a link');
  }
  lstat "./$name" or return (undef, "$!");
  -f _ or return (undef, 'it is no file');
  sysopen(my $file, "./$name", O_RDONLY) or return (undef, "$!");
  -s $file > $least or return (undef, 'it is shorter than it was');
  binmode $file;
  return $file;
}

# Hands on so many bytes, all of them; returns why it could not.
sub bring {
  my ($source, $length, $out) = @_;
  while ($length) {
    my $got = read($source, my $piece, $length < $most ? $length : $most);
    defined $got or return "$!";
    $got or return 'it is shorter than it was';
    print $out $piece or die "it cannot be written: $!\n";
    $length -= $got;
  }
  return '';
}

# Follows a plan; returns what could not be read. Where there are others, what is sent is taken from stdin even so.
sub follow {
  my ($lines, $out, $others) = @_;
  my ($name, $source, $failed, $wrong) = ('', undef, '', '');
  for my $line (@$lines) {
    last if $failed and not $others;
    next if $failed and $line !~ /^L/;
    if ($line =~ /^F (\d+) (.*)/s) {
      $name = decoded($2);
      ($source, $wrong) = opened($name, $1);
      $failed = "$name: $wrong" if not $source;
      next;
    }
    my ($what, @numbers) = split / /, $line;
    my $length = $numbers[-2] * $block + $numbers[-1];
    if ($what eq 'H') {
      seek($out, $length, 1) or die "$!\n";
    } elsif ($what eq 'C') {
      $wrong = seek($source, $numbers[0] * $block + $numbers[1], 0) ? bring($source, $length, $out) : "$!";
      $failed = "$name: $wrong" if $wrong;
    } else {
      $wrong = bring(\*STDIN, $length, $out);
      die "stdin: $wrong\n" if $wrong;
    }
  }
  return $failed;
}

# Makes a file of its own, or leaves it out.
sub make {
  my ($head, $lines) = @_;
  my (undef, $mode, $time, $word) = split / /, $head, 4;
  my $name = "$ARGV[0]/" . decoded($word);
  for (my $at = index $name, '/', 1; $at > 0; $at = index $name, '/', $at + 1) {
    my $above = substr $name, 0, $at;
    -d $above or mkdir $above or die "it cannot be written: $!\n";
  }
  unlink $name;
  sysopen(my $out, $name, O_WRONLY | O_CREAT | O_EXCL, 0600) or die "it cannot be written: $!\n";
  binmode $out;
  my $failed = follow($lines, $out, 1);
  close $out or die "it cannot be written: $!\n";
  if ($failed) {
    unlink $name;
    return;
  }
  chmod oct $mode, $name or die "it cannot be written: $!\n";
  utime $time, $time, $name or die "it cannot be written: $!\n";
}

my @plans = (['', []]);
while (1) {
  my $line = <STDIN>;
  defined $line or die "the plan has no end\n";
  last if $line eq ".\n";
  chomp $line;
  if ($line =~ /^T/) {
    push @plans, [$line, []];
  } else {
    push @{$plans[-1][1]}, $line;
  }
}
my ($first, @own) = @plans;
my $failed = follow($first->[1], \*STDOUT, 0);
die "$failed\n" if $failed;
make(@$_) for @own;
close(STDOUT) or die "it cannot be written: $!\n";
