"""Renames files: arguments are triples of a name, what it becomes, and a number. Fails when one could not be renamed.

For python3 from 3.4 on, its standard library only.
"""

import os
import sys


def main() -> int:
    """Go through all of them, whatever becomes of one."""
    status = 0
    for old, new in zip(sys.argv[1::3], sys.argv[2::3]):  # noqa: B905 - 3.4 knows no strict
        try:
            os.rename(old, new)
        except OSError:
            status = 1
    return status


sys.exit(main())
