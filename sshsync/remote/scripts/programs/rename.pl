# Renames files: arguments are triples of a name, what it becomes, and a number. Fails when one could not be renamed.
my $status = 0;
while (my ($old, $new) = splice @ARGV, 0, 3) {
  rename $old, $new or $status = 1;
}
exit $status;
