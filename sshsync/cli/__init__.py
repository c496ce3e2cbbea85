"""The command line: parsing, display, and the one place where an error becomes an exit code."""
