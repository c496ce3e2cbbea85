# How every program ends: without this record an answer is a cut one.
main
printf '\n%s end %s\n' "$TOKEN" "$?"
