# Whether nothing is lost when the name $1 goes: it is no file, or what it was is put aside.
safe() { [ -z "$KEEP" ] || [ -f ".sshsync/replaced/$KEEP/$1" ] || [ -L "./$1" ] || [ ! -f "./$1" ]; }
