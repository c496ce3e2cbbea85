# Prints what can be done with ROOT, why nothing can be staged there or given to FILEGROUP, and how much room there is. Nothing is made.
main() {
  barred | while IFS= read -r line; do printf 'barred %s\n' "$line"; done
  member | while IFS= read -r line; do printf 'group %s\n' "$line"; done
  if [ ! -d "$ROOT" ]; then
    echo root=missing
    return
  fi
  if ! cd "$ROOT" 2>/dev/null || [ ! -r . ]; then
    echo root=closed
    return
  fi
  if [ -w . ]; then echo root=writable; else echo root=readable; fi
  df -Pk . 2>/dev/null | while IFS= read -r line; do printf 'free %s\n' "$line"; done
}
