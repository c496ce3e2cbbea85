# Whether no lease lies in a directory, whatever else a file system left there.
nobody() { for t in "$1"/*; do [ ! -d "$t" ] || return; done; }
