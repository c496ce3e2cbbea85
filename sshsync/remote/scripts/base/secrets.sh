# Reads the variables that SECRETS names from stdin, one a line: no process list shows them.
secrets() {
  for s in $SECRETS; do
    IFS= read -r e || return 1
    d "$e"
    eval "$s=\$v; export $s"
  done
}
