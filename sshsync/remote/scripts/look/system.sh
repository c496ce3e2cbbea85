# Prints what a host is.
main() { printf 'system=%s\nshell=%s\n' "$(uname -sr 2>/dev/null)" "$SHELL"; }
