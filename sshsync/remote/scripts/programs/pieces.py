"""Prints the pieces of ranges of files: of each its length and the beginning of its digest; a length of 0 ends a range.

stdin: offset, length, least, most, tail, and a name between ./ and /; one range a line. A length is seven bits a byte,
the lowest first. For python3 from 3.4 on, its standard library only; one thread reads and cuts, others digest.
"""

import hashlib
import io
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

ALGORITHM = sys.argv[1]
BEFORE = 64
BUFFER = 4 << 20
TOLD = 6
THREADS = 3


def boundary(tail: int) -> "re.Pattern[bytes]":
    """Return what makes out the end of a piece."""
    classes = [(16, 7)] + [(4, (1, 3, 0, 2)[number % 4]) for number in range(tail)]
    parts = [b"".join(re.escape(bytes([byte])) for byte in range(rest, 256, base)) for base, rest in classes]
    return re.compile(b"".join(b"[" + part + b"]" for part in parts), re.DOTALL)


def opened(name: bytes) -> "io.FileIO":
    """Open a file, and nothing that could block or is a link."""
    file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(22, "it is no file")
    return io.FileIO(file)


def digested(content: "bytes | memoryview") -> bytes:
    """Return a digest."""
    return hashlib.new(ALGORITHM, content).digest()


def end_of(held: bytes, start: int, limit: int, boundaries: "list[re.Pattern[bytes]]") -> int:
    """Return where a piece ends: at the first boundary, else at the weaker one with the least digest before it."""
    for number, search in enumerate(boundaries):
        if number:
            ends = [found.end() for found in search.finditer(held, start, limit)]
            if ends:
                return min(ends, key=lambda end: digested(held[end - BEFORE : end]))
        else:
            found = search.search(held, start, limit)
            if found:
                return found.end()
    return limit


def cut(file: "io.FileIO", length: int, least: int, most: int, tail: int) -> "Iterator[tuple[bytes, list[int]]]":
    """Yield buffers with the places at which their pieces begin and end."""
    boundaries = [boundary(weaker) for weaker in range(tail, -1, -2)] if tail else []
    held = b""
    while True:
        more = file.read(min(length, BUFFER + most))
        length -= len(more)
        held += more
        last = not more or not length
        places = [0]
        start = 0
        while start < len(held) and (last or start + most <= len(held)):
            start = end_of(held, start + least, min(start + most, len(held)), boundaries)
            places.append(start)
        yield held, places
        if last:
            return
        held = held[start:]


def told(held: bytes, places: "list[int]") -> bytearray:
    """Return what is printed of the pieces of a buffer."""
    view = memoryview(held)
    out = bytearray()
    for number in range(1, len(places)):
        start, end = places[number - 1], places[number]
        length = end - start
        while length > 127:
            out.append(128 | length & 127)
            length >>= 7
        out.append(length)
        out += digested(view[start:end])[:TOLD]
    return out


def answer(line: bytes, pool: ThreadPoolExecutor) -> None:
    """Print the pieces of one range, as far as it can be read."""
    offset, length, least, most, tail, name = line.rstrip(b"\n").split(b" ", 5)
    name = re.sub(rb"\\0([0-7]{3})", lambda found: bytes([int(found.group(1), 8)]), name[:-1])
    try:
        with opened(name) as file:
            file.seek(int(offset))
            buffers = cut(file, int(length), int(least), int(most), int(tail))
            jobs = (pool.submit(told, held, places) for held, places in buffers)
            waiting = deque(islice(jobs, THREADS))
            while waiting:
                sys.stdout.buffer.write(waiting.popleft().result())
                waiting.extend(islice(jobs, 1))
    except OSError as error:
        sys.stderr.write(ascii(name)[2:-1] + ": " + str(error.strerror) + "\n")
    sys.stdout.buffer.write(b"\0")


def main() -> None:
    """Answer every line."""
    with ThreadPoolExecutor(THREADS) as pool:
        for line in sys.stdin.buffer:
            answer(line, pool)
    sys.stdout.buffer.flush()


main()
