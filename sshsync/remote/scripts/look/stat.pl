# For hosts without a stat: a record for each name, or a word about what is wrong with it.
for (@ARGV) {
  @s = lstat;
  if (@s) {
    printf("TOKEN %x %d %d %d %d %s\n", @s[2, 7, 9, 10, 1], $_);
  } else {
    $r = 1;
    warn("$_: $!\n");
  }
}
exit($r || 0);
