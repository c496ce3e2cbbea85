# Has TOOL digest COUNT blocks of SIZE: its time is what the host digests in.
main() { dd if=/dev/zero "bs=$SIZE" "count=$COUNT" 2>/dev/null | $TOOL >/dev/null; }
