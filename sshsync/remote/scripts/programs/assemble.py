"""Writes ranges of files, and what follows on stdin, into the file on stdout, from its first byte on.

stdin: lines of H and how much stays as it is; F, one less than the bytes that a file has at least, and its name; C and
a range of that file; L and how many of the bytes that follow; a dot; the bytes. A length is a number of blocks and of
bytes. For python3 from 3.4 on, its standard library only.
"""

import io
import os
import re
import stat
import sys
from collections.abc import Callable

BLOCK = 1 << 16
PIECE = 1 << 20


def opened(name: bytes) -> "io.FileIO":
    """Open a file below the working directory, through no link."""
    parts = name.split(b"/")
    for number in range(1, len(parts)):
        if not stat.S_ISDIR(os.lstat(b"/".join(parts[:number])).st_mode):
            raise OSError(20, "it is behind a link")
    file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError(22, "it is no file")
    return io.FileIO(file)


def bring(read: "Callable[[int], bytes]", length: int) -> None:
    """Hand on so many bytes, all of them."""
    while length:
        piece = read(min(length, PIECE))
        if not piece:
            raise OSError(5, "it is shorter than it was")
        sys.stdout.buffer.write(piece)
        length -= len(piece)


def build(lines: "list[bytes]") -> None:
    """Follow the plan; tell what could not be read."""
    name, source = b"", io.FileIO(0, closefd=False)
    try:
        for line in lines:
            if line[:1] == b"F":
                _, least, word = line[:-1].split(b" ", 2)
                name = re.sub(rb"\\0([0-7]{3})", lambda found: bytes([int(found.group(1), 8)]), word)
                source = opened(name)
                if os.fstat(source.fileno()).st_size <= int(least):
                    raise OSError(5, "it is shorter than it was")
                continue
            numbers = [int(word) for word in line.split()[1:]]
            length = numbers[-2] * BLOCK + numbers[-1]
            if line[:1] == b"H":
                sys.stdout.buffer.seek(length, 1)
            elif line[:1] == b"C":
                source.seek(numbers[0] * BLOCK + numbers[1])
                bring(source.read, length)
            else:
                name = b"stdin"
                bring(sys.stdin.buffer.read, length)
    except OSError as error:
        sys.exit(ascii(name)[2:-1] + ": " + str(error.strerror))


def main() -> None:
    """Read the plan and follow it."""
    lines = []
    for line in iter(sys.stdin.buffer.readline, b".\n"):
        if not line:
            sys.exit("the plan has no end")
        lines.append(line)
    build(lines)
    sys.stdout.buffer.flush()


main()
