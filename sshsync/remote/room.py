"""Room: how much a file system of a host still takes, and whether it tells capitals from small letters."""

import re
from dataclasses import dataclass

_DF = re.compile(rb"\s(\d+)\s+(\d+)\s+(-?\d+)\s+(?:\d+%|-)\s+/")
"""The last columns of ``df -Pk`` (POSIX): blocks, used, available, capacity, mount point."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the room script found; `free` is in bytes, staging counted as free, or None when it is not known.

    Attributes:
        folds: names that differ in case only are one file there.
        barred: why nothing can be staged there, in the host's words; b"" when it can.
    """

    free: int | None = None
    folds: bool = False
    barred: bytes = b""


def parse(payload: bytes) -> Room:
    """Read the room script's answer; lines that are not understood are passed over."""
    free: int | None = None
    staged = 0
    folds = False
    barred = b""
    for line in payload.splitlines():
        word, _, rest = line.partition(b" ")
        if word == b"free" and (found := _DF.search(rest)):
            free = max(0, int(found.group(3))) * 1024
        elif word == b"staged" and rest.split()[:1] and rest.split()[0].isdigit():
            staged += int(rest.split()[0]) * 1024
        elif line == b"folds":
            folds = True
        elif word == b"barred":
            barred = rest
    return Room(None if free is None else free + staged, folds, barred)
