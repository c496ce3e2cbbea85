"""Writes ranges of files, and what follows on stdin, into the file on stdout, or into files of their own.

stdin: lines of T, mode, time and name of a file below the directory that is the argument: what follows goes there, and
not to stdout; H and how much stays as it is; F, one less than the bytes that a file has at least, and its name; C and a
range of that file; L and how many of the bytes that follow; a dot; the bytes. A length is a number of blocks and of
bytes. A file of its own that cannot be made of others is left out. For python3 from 3.4 on, its standard library only.
"""

import io
import os
import re
import stat
import sys
from collections.abc import Callable
from typing import IO

BLOCK = 1 << 16
PIECE = 1 << 20


def decoded(word: bytes) -> bytes:
    """Return a name."""
    return re.sub(rb"\\0([0-7]{3})", lambda found: bytes([int(found.group(1), 8)]), word)


def opened(name: bytes, least: int) -> "io.FileIO":
    """Open a file below the working directory, through no link."""
    parts = name.split(b"/")
    for number in range(1, len(parts)):
        if not stat.S_ISDIR(os.lstat(b"/".join(parts[:number])).st_mode):
            raise OSError(20, "it is behind a link")
    file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(22, "it is no file")
    if status.st_size <= least:
        raise OSError(5, "it is shorter than it was")
    return io.FileIO(file)


def bring(read: "Callable[[int], bytes]", length: int, write: "Callable[[bytes], object]") -> None:
    """Hand on so many bytes, all of them."""
    while length:
        piece = read(min(length, PIECE))
        if not piece:
            raise OSError(5, "it is shorter than it was")
        write(piece)
        length -= len(piece)


def follow(lines: "list[bytes]", out: "IO[bytes]", others: bool) -> str:
    """Follow a plan; return what could not be read. With others behind it, what is sent is taken from stdin even so."""

    def write(piece: bytes) -> None:
        try:
            out.write(piece)
        except OSError as error:
            sys.exit("it cannot be written: " + str(error.strerror))

    name, failed = b"", ""
    source = io.FileIO(0, closefd=False)
    for line in lines:
        if failed and line[:1] != b"L":
            continue
        try:
            if line[:1] == b"F":
                _, least, word = line[:-1].split(b" ", 2)
                name = decoded(word)
                source = opened(name, int(least))
                continue
            numbers = [int(word) for word in line.split()[1:]]
            length = numbers[-2] * BLOCK + numbers[-1]
            if line[:1] == b"H":
                out.seek(length, 1)
            elif line[:1] == b"C":
                source.seek(numbers[0] * BLOCK + numbers[1])
                bring(source.read, length, write)
            else:
                bring(sys.stdin.buffer.read, length, write)
        except OSError as error:
            if line[:1] == b"L":
                sys.exit("stdin: " + str(error.strerror))
            failed = ascii(name)[2:-1] + ": " + str(error.strerror)
            if not others:
                break
    return failed


def make(head: bytes, lines: "list[bytes]") -> None:
    """Make a file of its own, or leave it out."""
    _, mode, time, word = head[:-1].split(b" ", 3)
    name = os.path.join(os.fsencode(sys.argv[1]), decoded(word))
    os.makedirs(os.path.dirname(name), exist_ok=True)
    if os.path.lexists(name):
        os.unlink(name)
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        failed = follow(lines, out, True)
    if failed:
        os.unlink(name)
        return
    os.chmod(name, int(mode, 8))
    os.utime(name, (int(time), int(time)))


def main() -> None:
    """Read the plan and follow it."""
    plans = [(b"", [])]  # type: list[tuple[bytes, list[bytes]]]
    for line in iter(sys.stdin.buffer.readline, b".\n"):
        if not line:
            sys.exit("the plan has no end")
        if line[:1] == b"T":
            plans.append((line, []))
        else:
            plans[-1][1].append(line)
    failed = follow(plans[0][1], sys.stdout.buffer, False)
    if failed:
        sys.exit(failed)
    try:
        for head, lines in plans[1:]:
            make(head, lines)
        sys.stdout.buffer.flush()
    except OSError as error:
        sys.exit("it cannot be written: " + str(error.strerror))


main()
