"""Blocks: what is on record about items, some hundred neighbours in one row of the table.

Neighbours have most of their names and of their times in common, so a block takes about a third of the room that a row
for each would. What is common is compressed, the bytes of numbers by their weight; digests are not, for they cannot be.
"""

import sqlite3
import struct
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeVar

from sshsync.model.item import Key
from sshsync.model.row import Digest, Stamp, digest_of, short
from sshsync.state.rows import Damaged

T = TypeVar("T")

MOST = 256
"""Items in a block."""

_LENGTH = struct.Struct("<I")
_STAMP = struct.Struct("<qqqq")
_VERIFIED, _STAMPED, _OTHER, _WORDS, _OTHER_WORDS = 1, 2, 4, 8, 16


class Known(NamedTuple):
    """What is on record about one item; an item about which that is nothing is not on record.

    Attributes:
        verified: the digest at which sshsync verified it there last, "" for none.
        stamp: what the host said about it when its digest was made, None where that is not known.
        seen: the digest that it has as long as it bears that stamp, "" without one.
    """

    verified: Digest = ""
    stamp: Stamp | None = None
    seen: Digest = ""


NOTHING = Known()


_Row = tuple[int, bytes, bytes, bytes]
"""The same as it is written, for a block is rewritten for the sake of some of its items.

Flags, which say what else there is and in what form; the raw digest that was verified; the stamp, in four numbers of
eight bytes; the raw digest that was seen with it, where that is another one.
"""

_NONE: _Row = (0, b"", b"", b"")


def portion(db: sqlite3.Connection, repository: int, after: Key | None, most: int) -> tuple[list[bytes], Key | None]:
    """Return the next blocks of a repository, about `most` items, and after what the next portion begins.

    Args:
        after: what the last portion told; None for the first.
    """
    wanted = "SELECT first, held FROM items WHERE repository = ? AND (? IS NULL OR first > ?) ORDER BY first LIMIT ?"
    found = db.execute(wanted, (repository, after, after, max(1, most // MOST))).fetchall()
    return [_bytes(held) for _, held in found], _bytes(found[-1][0]) if found else None


def verified(held: bytes) -> Iterator[tuple[Key, Digest]]:
    """Yield from a block what was verified."""
    rows = _rows(held).items()
    return ((key, _digest(raw, flag & _WORDS)) for key, (flag, raw, _, _) in rows if flag & _VERIFIED)


def seen(held: bytes) -> Iterator[tuple[Key, Stamp, Digest]]:
    """Yield from a block what was seen."""
    rows = _rows(held).items()
    return ((key, _stamp(row[2]), _seen(row)) for key, row in rows if row[0] & _STAMPED)


def change(db: sqlite3.Connection, repository: int, news: Mapping[Key, T], do: Callable[[Known, T], Known]) -> None:
    """Change what is on record about some items.

    Args:
        news: what there is to know of each.
        do: returns what is on record then, from what is and from what is new.
    """
    keys = sorted(news)
    at = 0
    while at < len(keys):
        first, block = _block_of(db, repository, keys[at])
        following = db.execute(
            "SELECT first FROM items WHERE repository = ? AND first > ? ORDER BY first LIMIT 1", (repository, keys[at])
        ).fetchone()
        end = bisect_left(keys, _bytes(following[0]), at) if following else len(keys)
        changed = {key: _row(do(_known(block.get(key, _NONE)), news[key])) for key in keys[at:end]}
        if any(row != block.get(key, _NONE) for key, row in changed.items()):
            _write(db, repository, first, {key: row for key, row in (block | changed).items() if row != _NONE})
        at = end


class Changes:
    """Changes of what is on record about items that are made together: a block is rewritten once for all of them."""

    def __init__(self) -> None:
        self._waiting: dict[int, dict[Key, list[Callable[[Known], Known]]]] = {}

    def add(self, repository: int, news: Mapping[Key, T], do: Callable[[Known, T], Known]) -> None:
        """Add a change of some items, to be made after those before it; see `change`."""
        waiting = self._waiting.setdefault(repository, {})
        for key, new in news.items():
            waiting.setdefault(key, []).append(partial(_with, do, new))

    def make(self, db: sqlite3.Connection) -> None:
        """Make all changes that were added."""
        waiting, self._waiting = self._waiting, {}
        for repository, news in waiting.items():
            change(db, repository, news, _one_by_one)


def _with(do: Callable[[Known, T], Known], new: T, known: Known) -> Known:
    return do(known, new)


def _one_by_one(known: Known, changes: Iterable[Callable[[Known], Known]]) -> Known:
    for do in changes:
        known = do(known)
    return known


def change_all(db: sqlite3.Connection, repository: int, do: Callable[[Known], Known]) -> None:
    """Change what is on record about all items of a repository."""
    after: Key | None = None
    while (found := portion(db, repository, after, MOST))[0]:
        first, block = found[1] or b"", _rows(found[0][0])
        changed = {key: _row(do(_known(row))) for key, row in block.items()}
        _write(db, repository, first, {key: row for key, row in changed.items() if row != _NONE})
        after = first


def one(db: sqlite3.Connection, repository: int, key: Key) -> Known:
    """Return what is on record about one item."""
    return _known(_block_of(db, repository, key)[1].get(key, _NONE))


def _block_of(db: sqlite3.Connection, repository: int, key: Key) -> tuple[Key, dict[Key, _Row]]:
    """Return where the block begins in which an item belongs, and what is in it. The first one begins with nothing."""
    wanted = "SELECT first, held FROM items WHERE repository = ? AND first <= ? ORDER BY first DESC LIMIT 1"
    row = db.execute(wanted, (repository, key)).fetchone()
    return (_bytes(row[0]), _rows(_bytes(row[1]))) if row else (b"", {})


def _write(db: sqlite3.Connection, repository: int, first: Key, block: Mapping[Key, _Row]) -> None:
    """Write a block, in as many of about one length as it takes."""
    db.execute("DELETE FROM items WHERE repository = ? AND first = ?", (repository, first))
    keys = sorted(block)
    parts = -(-len(keys) // MOST)
    edges = [len(keys) * number // parts for number in range(parts + 1)] if parts else []
    for start, end in pairwise(edges):
        some = {key: block[key] for key in keys[start:end]}
        held = _packed(some)
        marked = sum(flag & _VERIFIED for flag, _, _, _ in some.values())
        row = (repository, keys[start] if start else first, marked, held)
        db.execute("INSERT INTO items (repository, first, verified, held) VALUES (?, ?, ?, ?)", row)


def _row(known: Known) -> _Row:
    """Return what is known as it is written."""
    if known == NOTHING:
        return _NONE
    flag, marked, stamp, other = 0, b"", b"", b""
    if known.verified:
        marked, in_words = _put(known.verified)
        flag |= _VERIFIED | in_words * _WORDS
    if known.stamp:
        flag, stamp = flag | _STAMPED, _STAMP.pack(*known.stamp)
        if known.seen != known.verified:
            other, in_words = _put(known.seen)
            flag |= _OTHER | in_words * _OTHER_WORDS
    return flag, marked, stamp, other


def _known(row: _Row) -> Known:
    """Undo `_row`."""
    flag, marked, stamp, _ = row
    digest = _digest(marked, flag & _WORDS) if flag & _VERIFIED else ""
    return Known(digest, _stamp(stamp), _seen(row)) if flag & _STAMPED else Known(digest)


def _stamp(raw: bytes) -> Stamp:
    # The numbers are as many as it has, so nobody has to count them again, a million times.
    return tuple.__new__(Stamp, _STAMP.unpack(raw))


def _seen(row: _Row) -> Digest:
    """Return the digest that was seen with the stamp of a row that has one."""
    flag, marked, _, other = row
    if flag & _OTHER:
        return _digest(other, flag & _OTHER_WORDS)
    return _digest(marked, flag & _WORDS) if flag & _VERIFIED else ""


def _packed(block: Mapping[Key, _Row]) -> bytes:
    """Return a block as it is written: how long the compressed half is, that, and the digests."""
    rows = block.values()
    flags = bytes(flag for flag, _, _, _ in rows)
    digests = [raw for _, raw, _, _ in rows if raw]
    others = [raw for _, _, _, raw in rows if raw]
    lengths = [len(one) for some in (block, digests, others) for one in some]
    by_weight = (
        _by_weight(struct.pack(f"<{len(lengths)}I", *lengths), _LENGTH.size),
        _by_weight(b"".join(stamp for _, _, stamp, _ in rows), _STAMP.size),
    )
    common = zlib.compress(b"".join((_LENGTH.pack(len(flags)), flags, *by_weight, *block)), 6)
    return b"".join((_LENGTH.pack(len(common)), common, *digests, *others))


def _rows(held: bytes) -> dict[Key, _Row]:
    """Return what is in a block.

    Raises:
        Damaged: it is none.
    """
    try:
        return _read(held)
    except (zlib.error, struct.error, ValueError, IndexError, KeyError, StopIteration) as error:
        raise Damaged("what is on record about items is cut or garbled") from error


def _read(held: bytes) -> dict[Key, _Row]:
    (size,) = _LENGTH.unpack_from(held)
    common = zlib.decompress(held[_LENGTH.size : _LENGTH.size + size])
    (count,) = _LENGTH.unpack_from(common)
    at = _LENGTH.size + count
    flags = common[_LENGTH.size : at]
    stamped, marked, different = (sum(bool(flag & bit) for flag in flags) for bit in (_STAMPED, _VERIFIED, _OTHER))
    numbers = count + marked + different
    ends = at + _LENGTH.size * numbers
    lengths = struct.unpack(f"<{numbers}I", _undone(common[at:ends], _LENGTH.size))
    told = ends + _STAMP.size * stamped
    stamps = iter(_cut(_undone(common[ends:told], _STAMP.size), [_STAMP.size] * stamped))

    keys = _cut(common[told:], lengths[:count])
    if len(flags) != count or not keys[0] or not all(one < other for one, other in pairwise(keys)):
        raise ValueError("keys")
    raw = _cut(held[_LENGTH.size + size :], lengths[count:])
    digests, others = iter(raw[:marked]), iter(raw[marked:])
    return {
        key: (
            flag,
            next(digests) if flag & _VERIFIED else b"",
            next(stamps) if flag & _STAMPED else b"",
            next(others) if flag & _OTHER else b"",
        )
        for key, flag in zip(keys, flags, strict=True)
    }


def _put(digest: Digest) -> tuple[bytes, bool]:
    """Return a digest as it is written, and whether that is in words."""
    brief = short(digest)
    in_words = not isinstance(brief, bytes)
    return digest.encode("utf-8", "surrogatepass") if in_words else bytes(brief), in_words  # type: ignore[arg-type]


def _digest(raw: bytes, words: int) -> Digest:
    try:
        digest = raw.decode("utf-8", "surrogatepass") if words else digest_of(raw)
    except (ValueError, KeyError) as error:
        raise Damaged("what is on record about items is cut or garbled") from error
    if digest.find(":") <= 0:
        raise Damaged("what is on record about items is cut or garbled")
    return digest


def _cut(joined: bytes, lengths: Iterable[int]) -> list[bytes]:
    """Return what was joined, of which nothing may be left."""
    edges = [0, *accumulate(lengths)]
    if edges[-1] != len(joined):
        raise ValueError("lengths")
    return [joined[start:end] for start, end in pairwise(edges)]


def _by_weight(numbers: bytes | bytearray, width: int) -> bytes:
    """Return first the lowest bytes of all numbers, then the next: the highest are mostly the same."""
    return b"".join(numbers[weight::width] for weight in range(width))


def _undone(planes: bytes, width: int) -> bytes:
    """Undo `_by_weight`."""
    count = len(planes) // width
    numbers = bytearray(count * width)
    for weight in range(width):
        numbers[weight::width] = planes[weight * count : (weight + 1) * count]
    return bytes(numbers)


def _bytes(value: object) -> bytes:
    if type(value) is not bytes:
        raise Damaged("what is on record about items is none")
    return value
