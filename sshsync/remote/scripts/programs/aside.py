"""Gives files another name each: arguments are a directory, and names, which they get below it, too.

Directories are made; a link in their place leads nowhere. What cannot get the name, or has it already, is left as it
is. For python3 from 3.4 on, its standard library only.
"""

import os
import stat
import sys
from contextlib import suppress


def place(top: str, name: str, made: "set[str]") -> str:
    """Return the directory for a name, with those above it made where they are missing."""
    path = top
    for part in name.split("/")[:-1]:
        path += "/" + part
        if path not in made:
            try:
                os.mkdir(path)
            except OSError:
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    raise
            made.add(path)
    return path


def main() -> None:
    """Go through all of them, whatever becomes of one."""
    made = {sys.argv[1]}
    for name in sys.argv[2:]:
        with suppress(OSError, NotImplementedError):
            os.link(name, place(sys.argv[1], name, made) + "/" + name.rpartition("/")[2], follow_symlinks=False)


main()
