"""Rows: what a snapshot knows of an item, in one row of bytes, for there may be millions of them."""

import struct
from typing import NamedTuple

Digest = str
"""``algorithm:value``. For files the value is lower-case hexadecimal; digests compare as text."""


class Stamp(NamedTuple):
    """What a host says about a file without reading it.

    Equal stamps (size, times in nanoseconds, inode) mean that the bytes did not change since;
    ``ctime_ns`` and ``inode`` cannot be set by an ordinary user, which is why they are in it.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


NOTHING = Stamp(0, 0, 0, 0)
"""The stamp of an item of which nobody tells one."""

HEAD = struct.Struct("<qqIHIHH")
"""Times, size and inode in six bytes each, mode: what nearly every file has fits."""
_WIDE = struct.Struct("<qqqqH6x")
"""The same for any size and inode."""
TIME = struct.Struct("<q")
SIX = 1 << 32
_MOST = SIX << 16
_SIZE = slice(16, 22)
_MODE, _MODE_AT, _WIDE_MODE_AT = struct.Struct("<H"), HEAD.size - 2, 32
ALGORITHMS = {16: "md5", 20: "sha1", 32: "sha256", 64: "sha512"}
UNDIGESTED = bytes(31)
"""Stands for no digest: so the row that bears one fits into the very room that this one took."""
NARROW = frozenset(HEAD.size + length for length in (len(UNDIGESTED), *ALGORITHMS))
"""How long rows with the short head are; those with the wide one are of other lengths."""

Row = bytes | tuple[Digest | None, Stamp, int]
"""Digest, stamp and mode in a row of bytes, for there may be millions; as they are where they do not fit into one."""

MAY_LACK = frozenset({HEAD.size + len(UNDIGESTED), _WIDE.size + len(UNDIGESTED), 3})
"""How long rows are that may have no digest."""


def short(digest: Digest) -> bytes | Digest:
    """Return a digest in half the room: the bytes of its value, whose number tells the algorithm; where that fits."""
    name, _, value = digest.partition(":")
    try:
        raw = bytes.fromhex(value)
    except ValueError:
        return digest
    return raw if ALGORITHMS.get(len(raw)) == name and raw.hex() == value else digest


def digest_of(raw: bytes) -> Digest:
    """Undo `short`.

    Raises:
        KeyError: no digest is of such a length.
    """
    return f"{ALGORITHMS[len(raw)]}:{raw.hex()}"


def packed(digest: Digest | None, stamp: Stamp, mode: int) -> Row:
    """Return what is known of an item as a row."""
    raw = UNDIGESTED if digest is None else short(digest)
    size, mtime, ctime, inode = stamp
    try:
        if 0 <= size < _MOST and 0 <= inode < _MOST:
            first = HEAD.pack(mtime, ctime, size % SIX, size // SIX, inode % SIX, inode // SIX, mode)
        else:
            first = _WIDE.pack(mtime, ctime, size, inode, mode)
    except struct.error:
        return digest, stamp, mode
    return first + raw if isinstance(raw, bytes) else (digest, stamp, mode)


def algorithm(held: Row) -> str:
    """Return what made the digest of a row, "" where there is none."""
    if isinstance(held, tuple):
        return (held[0] or "").partition(":")[0]
    return ALGORITHMS.get(len(tail(held)), "")


def size(held: Row) -> int:
    """Return the size of an item in bytes."""
    if isinstance(held, tuple):
        return held[1].size
    if len(held) in NARROW:
        return int.from_bytes(held[_SIZE], "little")
    return head(held)[0].size


def marks(held: Row, bearing: int | None = None) -> tuple[int, int]:
    """Return mode, or `bearing` in its place, and time in whole seconds, what lies between them cut off."""
    if isinstance(held, tuple):
        return (held[2] & 0o777 if bearing is None else bearing), held[1].mtime_ns // 1_000_000_000
    if bearing is not None:
        return bearing, TIME.unpack_from(held)[0] // 1_000_000_000
    mode = _MODE.unpack_from(held, _MODE_AT if len(held) in NARROW else _WIDE_MODE_AT)[0]
    return mode & 0o777, TIME.unpack_from(held)[0] // 1_000_000_000


def agree(one: Row, other: Row) -> bool:
    """Tell whether two rows have the same digest, or both have none."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return digest(one) == digest(other)
    return tail(one) == tail(other)


def digest(held: Row) -> Digest | None:
    """Return the digest of a row."""
    if isinstance(held, tuple):
        return held[0]
    raw = tail(held)
    return None if len(raw) == len(UNDIGESTED) else digest_of(raw)


def learned(held: Row, stamp: Stamp, known: Digest) -> Row | None:
    """Return a row with the digest that is known for a stamp; None where it bears another stamp."""
    if isinstance(held, bytes) and len(held) in NARROW:
        mtime, ctime, low, high, inode, more, _ = HEAD.unpack_from(held)
        if stamp != (low + high * SIX, mtime, ctime, inode + more * SIX):
            return None
        raw = short(known)
        if isinstance(raw, bytes):
            return held[: HEAD.size] + raw
    bears, mode = held[1:] if isinstance(held, tuple) else head(held)
    return packed(known, stamp, mode) if bears == stamp else None


def tail(held: bytes) -> bytes:
    """Return the digest of a row as it stands there."""
    return held[HEAD.size if len(held) in NARROW else _WIDE.size :]


def head(held: bytes) -> tuple[Stamp, int]:
    """Return stamp and mode of a row."""
    if len(held) in NARROW:
        mtime, ctime, low, high, inode, more, mode = HEAD.unpack_from(held)
        return Stamp(high * SIX + low, mtime, ctime, more * SIX + inode), mode
    mtime, ctime, size, inode, mode = _WIDE.unpack_from(held)
    return Stamp(size, mtime, ctime, inode), mode
