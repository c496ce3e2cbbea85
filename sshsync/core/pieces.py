"""How content is cut into pieces, so that two hosts that never talk to each other cut equal content alike.

Blocks are cut by their place: cheap anywhere, and blind after the first byte that was inserted. Pieces are cut where
the content says so: behind a byte of one class in sixteen, followed by `tail` bytes of one class in four each.
Classes go by residues, so that each has its share of whatever alphabet: random bytes, English, digits, hexadecimal,
base64. A piece is never shorter than two gaps, so only a third of the content is looked at, and never longer than
six. Where no boundary is in reach (a log has the same words in every line), weaker ones are looked for, two bytes
shorter each time, and of these the one with the least digest of what is before it: the same one from wherever the
search began. Content without any (zeros) falls into pieces of the greatest length.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

FINEST = 2
"""Tail of the smallest pieces that pay: a piece is 800 bytes then, what is told of it nine."""

COARSEST = 8
"""Tail of the largest pieces: a host holds a few of them in memory, of six MiB at most."""

BEFORE = 64
"""Bytes before a weaker boundary that decide which is taken: about a line of text."""

_FEW, _MANY = 8, 1024
"""Blocks and pieces that the first look at a content is to be cut into, at least."""

_RESIDUES = (1, 3, 0, 2)


class Extent(NamedTuple):
    """A range of bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.length


class Piece(NamedTuple):
    """A range of bytes, and the beginning of its digest; "b''" is equal to nothing."""

    offset: int
    length: int
    digest: bytes

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Cut:
    """How long the pieces of an extent are, in bytes.

    Attributes:
        least, most: no piece is shorter but the last one, and none is longer.
        tail: bytes that say, behind the first one, that a piece ends; 0 for blocks, which are all of one length.
    """

    least: int
    most: int
    tail: int = 0

    @property
    def mean(self) -> int:
        """How long a piece of any usual content is."""
        return self.least if not self.tail else self.least * 3 // 2


def blocks(size: int) -> Cut:
    """Return the cut into blocks of one size in bytes."""
    return Cut(size, size)


def by_content(tail: int) -> Cut:
    """Return the cut at boundaries that so many bytes make out; each of them makes pieces four times as long."""
    gap = 16 * 4**tail
    return Cut(2 * gap, 6 * gap, tail)


BLOCKS = tuple(blocks(size) for size in (16 << 20, 1 << 20, 1 << 16, 1 << 12))
"""The ladder of blocks, coarse first."""


def ladder(size: int, *, content: bool) -> tuple[Cut, ...]:
    """Return the cuts by which a content of `size` bytes is compared, coarse first.

    Args:
        size: bytes of the longer of both contents.
        content: cut where the content says so; else into blocks.
    """
    if not content:
        return tuple(cut for cut in BLOCKS if cut.most * _FEW <= size) or BLOCKS[-1:]
    first = FINEST
    while first < COARSEST and by_content(first + 1).mean * _MANY <= size:
        first += 1
    return tuple(by_content(tail) for tail in sorted({first, (first + FINEST + 1) // 2, FINEST}, reverse=True))


def boundary(tail: int) -> bytes:
    """Return the regular expression of a boundary, as any engine reads it that knows classes of bytes."""
    after = (_class(4, _RESIDUES[number % 4]) for number in range(tail))
    return _class(16, 7) + b"".join(after)


def _class(modulus: int, residue: int) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % byte for byte in range(residue, 256, modulus)) + b"]"


@cache
def _boundary(tail: int) -> re.Pattern[bytes]:
    return re.compile(boundary(tail))


def pieces(content: bytes, cut: Cut, algorithm: str = "sha1") -> Iterator[Extent]:
    """Yield the extents of the pieces of a content: what every program for hosts has to print.

    Args:
        content: all of the extent that is cut.
        cut: how.
        algorithm: by which pieces are told, and weaker boundaries chosen.
    """
    start = 0
    while start < len(content):
        limit = min(start + cut.most, len(content))
        end = _end(content, start + cut.least, limit, cut.tail, algorithm) if cut.tail else limit
        yield Extent(start, end - start)
        start = end


def _end(content: bytes, start: int, limit: int, tail: int, algorithm: str) -> int:
    if found := _boundary(tail).search(content, start, limit):
        return found.end()
    for weaker in range(tail - 2, -1, -2):
        ends = [found.end() for found in _boundary(weaker).finditer(content, start, limit)]
        if ends:
            return min(ends, key=lambda end: hashlib.new(algorithm, content[end - BEFORE : end]).digest())
    return limit


def merged(extents: Iterable[Extent], gap: int = 0) -> tuple[Extent, ...]:
    """Return extents in order, those joined that overlap, touch, or leave no more than `gap` bytes between them."""
    done: list[Extent] = []
    for extent in sorted(extents):
        if done and extent.offset <= done[-1].end + gap:
            last = done.pop()
            extent = Extent(last.offset, max(last.end, extent.end) - last.offset)  # noqa: PLW2901 - it grew
        if extent.length:
            done.append(extent)
    return tuple(done)


def without(extents: Iterable[Extent], taken: Iterable[Extent]) -> tuple[Extent, ...]:
    """Return what is left of some extents when others are taken out of them."""
    left: list[Extent] = []
    cuts = merged(taken)
    number = 0
    for extent in merged(extents):
        start = extent.offset
        while number < len(cuts) and cuts[number].end <= start:
            number += 1
        here = number
        while here < len(cuts) and cuts[here].offset < extent.end:
            left.append(Extent(start, max(0, cuts[here].offset - start)))
            start = cuts[here].end
            here += 1
        left.append(Extent(start, max(0, extent.end - start)))
    return tuple(extent for extent in left if extent.length)
