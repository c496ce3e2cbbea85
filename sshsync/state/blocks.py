"""Blocks: what is on record about items, some hundred neighbours in one row of the table.

Neighbours have most of their names and of their times in common, so a block takes about a third of the room that a row
for each would. What is common is compressed, the bytes of numbers by their weight; digests are not, for they cannot be.
"""

import sqlite3
import struct
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    keys, digests, _, _ = _columns(held)
    return ((key, digest) for key, digest in zip(keys, digests, strict=True) if digest)


def seen(held: bytes) -> Iterator[tuple[Key, Stamp, Digest]]:
    """Yield from a block what was seen."""
    keys, _, stamps, digests = _columns(held)
    return (
        (key, Stamp(*stamp), digest)
        for key, stamp, digest in zip(keys, stamps, digests, strict=True)
        if stamp and digest
    )


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
        changed = {key: do(block.get(key, NOTHING), news[key]) for key in keys[at:end]}
        if any(known != block.get(key, NOTHING) for key, known in changed.items()):
            _write(db, repository, first, {key: known for key, known in (block | changed).items() if known != NOTHING})
        at = end


def change_all(db: sqlite3.Connection, repository: int, do: Callable[[Known], Known]) -> None:
    """Change what is on record about all items of a repository."""
    after: Key | None = None
    while (found := portion(db, repository, after, MOST))[0]:
        first, block = found[1] or b"", _opened(found[0][0])
        changed = {key: do(known) for key, known in block.items()}
        _write(db, repository, first, {key: known for key, known in changed.items() if known != NOTHING})
        after = first


def one(db: sqlite3.Connection, repository: int, key: Key) -> Known:
    """Return what is on record about one item."""
    return _block_of(db, repository, key)[1].get(key, NOTHING)


def _block_of(db: sqlite3.Connection, repository: int, key: Key) -> tuple[Key, dict[Key, Known]]:
    """Return where the block begins in which an item belongs, and what is in it. The first one begins with nothing."""
    wanted = "SELECT first, held FROM items WHERE repository = ? AND first <= ? ORDER BY first DESC LIMIT 1"
    row = db.execute(wanted, (repository, key)).fetchone()
    return (_bytes(row[0]), _opened(_bytes(row[1]))) if row else (b"", {})


def _write(db: sqlite3.Connection, repository: int, first: Key, block: Mapping[Key, Known]) -> None:
    """Write a block, in as many of about one length as it takes."""
    db.execute("DELETE FROM items WHERE repository = ? AND first = ?", (repository, first))
    keys = sorted(block)
    parts = -(-len(keys) // MOST)
    edges = [len(keys) * number // parts for number in range(parts + 1)] if parts else []
    for start, end in pairwise(edges):
        some = {key: block[key] for key in keys[start:end]}
        held = _packed(some)
        row = (repository, keys[start] if start else first, sum(bool(known.verified) for known in some.values()), held)
        db.execute("INSERT INTO items (repository, first, verified, held) VALUES (?, ?, ?, ?)", row)


def _opened(held: bytes) -> dict[Key, Known]:
    keys, digests, stamps, others = _columns(held)
    rows = zip(keys, digests, stamps, others, strict=True)
    return {key: Known(digest, Stamp(*stamp) if stamp else None, other) for key, digest, stamp, other in rows}


def _packed(block: Mapping[Key, Known]) -> bytes:
    """Return a block as it is written: how long the compressed half is, that, and the digests."""
    flags, stamps = bytearray(), bytearray()
    digests: list[bytes] = []
    others: list[bytes] = []
    for known in block.values():
        flag = 0
        if known.verified:
            flag |= _VERIFIED | _put(known.verified, digests) * _WORDS
        if known.stamp:
            stamp = known.stamp
            stamps += _STAMP.pack(stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode)
            flag |= _STAMPED
            if known.seen != known.verified:
                flag |= _OTHER | _put(known.seen, others) * _OTHER_WORDS
        flags.append(flag)
    lengths = b"".join(_LENGTH.pack(len(one)) for some in (block, digests, others) for one in some)
    by_weight = _by_weight(lengths, _LENGTH.size), _by_weight(stamps, _STAMP.size)
    common = zlib.compress(b"".join((_LENGTH.pack(len(flags)), flags, *by_weight, *block)), 6)
    return b"".join((_LENGTH.pack(len(common)), common, *digests, *others))


_Columns = tuple[list[Key], list[Digest], list[tuple[int, int, int, int] | None], list[Digest]]


def _columns(held: bytes) -> _Columns:
    """Return keys, verified digests, stamps and seen digests of a block.

    Raises:
        Damaged: it is none.
    """
    try:
        return _read(held)
    except (zlib.error, struct.error, ValueError, IndexError, KeyError) as error:
        raise Damaged("what is on record about items is cut or garbled") from error


def _read(held: bytes) -> _Columns:
    (size,) = _LENGTH.unpack_from(held)
    common = zlib.decompress(held[_LENGTH.size : _LENGTH.size + size])
    (count,) = _LENGTH.unpack_from(common)
    at = _LENGTH.size + count
    flags = common[_LENGTH.size : at]
    stamped, marked, different = (sum(bool(flag & bit) for flag in flags) for bit in (_STAMPED, _VERIFIED, _OTHER))
    ends = at + _LENGTH.size * (count + marked + different)
    lengths = [length for (length,) in _LENGTH.iter_unpack(_undone(common[at:ends], _LENGTH.size))]
    told = ends + _STAMP.size * stamped
    stamps = _STAMP.iter_unpack(_undone(common[ends:told], _STAMP.size))

    keys = _cut(common[told:], lengths[:count])
    if len(flags) != count or not keys[0] or not all(one < other for one, other in pairwise(keys)):
        raise ValueError("keys")
    raw = iter(_cut(held[_LENGTH.size + size :], lengths[count:]))
    digests = [_digest(next(raw), words=flag & _WORDS) if flag & _VERIFIED else "" for flag in flags]
    columns = keys, digests, [next(stamps) if flag & _STAMPED else None for flag in flags]
    others = [
        _digest(next(raw), words=flag & _OTHER_WORDS) if flag & _OTHER else digest if flag & _STAMPED else ""
        for flag, digest in zip(flags, digests, strict=True)
    ]
    return *columns, others


def _put(digest: Digest, among: list[bytes]) -> bool:
    """Add a digest; tell whether it had to be written in words."""
    brief = short(digest)
    among.append(brief if isinstance(brief, bytes) else digest.encode("utf-8", "surrogatepass"))
    return not isinstance(brief, bytes)


def _digest(raw: bytes, *, words: int) -> Digest:
    digest = raw.decode("utf-8", "surrogatepass") if words else digest_of(raw)
    if digest.find(":") <= 0:
        raise ValueError("digest")
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
