# Gives files another name each: arguments are a directory, and names, which they get below it, too. Directories are made; a link in
# their place leads nowhere. What cannot get the name, or has it already, is left as it is.
my ($top, @names) = @ARGV;
my %made;
sub place {
  my $path = $top;
  my @parts = split m{/}, $_[0];
  pop @parts;
  for my $part (@parts) {
    $path .= "/$part";
    next if $made{$path};
    mkdir $path or (-d $path and not -l $path) or return;
    $made{$path} = 1;
  }
  return $path;
}
for my $name (@names) {
  my $path = place($name);
  link $name, $path . substr($name, rindex($name, "/")) if defined $path;
}
