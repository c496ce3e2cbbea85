"""What is kept on the controller between runs: one SQLite file, and the lock that lets one run at a time write it."""
