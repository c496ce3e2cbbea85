"""What a stat tool tells of a file, in the words of whichever host: nothing in it is trusted."""

import re
from contextlib import suppress

from sshsync.errors import ListingError
from sshsync.kinds.omitted import DIRECTORY, LINK
from sshsync.model.item import Key
from sshsync.model.row import Stamp
from sshsync.model.words import visible
from sshsync.remote.frame import records

REGULAR = 0o100000
_LETTERS = {b"f": REGULAR, b"d": DIRECTORY, b"l": LINK, b"p": 0o010000, b"s": 0o140000, b"c": 0o020000, b"b": 0o060000}
"""What a find that prints by itself calls what stat tells by a number."""
_MODE = re.compile(rb"[0-9A-Fa-f]{1,8}|[A-Za-z?]:[0-7]{1,4}")
_SIZE = re.compile(rb"[0-9]{1,18}")
_INODE = re.compile(rb"[0-9]{1,20}")
_TIME = re.compile(rb"(-?)([0-9]{1,20})(?:[.,]([0-9]*))?")
_MOST = (1 << 63) - 1
_NAME = rb"(?!\.\.?(?:/|\Z))[^/\0]{1,255}"
_SECONDS = rb"([0-9]{1,10})\.([0-9]{9})[0-9]*"
_PATH = rb"\./(?!\.sshsync(?:/|\Z))((?=.{1,4096}\Z)" + _NAME + b"(?:/" + _NAME + b")*)"
usual = re.compile(
    b" ".join((rb"(?:f:([0-7]{1,4})|(8[0-9a-f]{3})) ([0-9]{1,15})", _SECONDS, _SECONDS, rb"([0-9]{1,18})", _PATH)),
    re.DOTALL,
).fullmatch
"""Matches what is told of a regular file in fractions of seconds that has a clean name and is none of ours."""


def told(payload: bytes, token: bytes) -> dict[Key, Stamp]:
    """Read the stamps of files that a host has made visible.

    Behind ``came`` stand some in the order in which they were renamed, behind ``within`` all of whole directories. What
    cannot be read is left out: nothing is known of such a file, and it will be read again.
    """
    found: dict[Key, Stamp] = {}
    group: dict[Key, Stamp] = {}
    ordered = False
    for record in (*records(payload, token), b"within"):
        if record in (b"came", b"within"):
            found |= _untouched(group) if ordered else group
            group, ordered = {}, record == b"came"
            continue
        if common := usual(record):
            key, stamp, _ = usual_of(*common.groups())
            group[key] = stamp
            continue
        fields = record.split(b" ", 5)
        if len(fields) == 6 and fields[5].startswith(b"./"):
            with suppress(ListingError):
                mode, stamp = stamp_of(fields, "")
                if mode & 0o170000 == REGULAR:
                    group[fields[5][2:]] = stamp
    return found


def _untouched(came: dict[Key, Stamp]) -> dict[Key, Stamp]:
    """Leave out what was changed after the next one had been renamed: the stamp is told a little later than that."""
    kept: dict[Key, Stamp] = {}
    latest: int | None = None
    for key, stamp in reversed(came.items()):
        if latest is None or stamp.ctime_ns <= latest:
            kept[key], latest = stamp, stamp.ctime_ns
    return kept


def stamp_of(fields: list[bytes], name: str) -> tuple[int, Stamp]:
    """Return raw mode and stamp out of the fields of a record about a file of a repository.

    Raises:
        ListingError: they cannot be read.
    """
    mode, size, mtime, ctime, inode, _ = fields
    times = [_TIME.fullmatch(mtime), _TIME.fullmatch(ctime)]
    if not (_MODE.fullmatch(mode) and _SIZE.fullmatch(size) and _INODE.fullmatch(inode) and all(times)):
        raise suspicious(name, fields[5], "has no readable size or time")
    what, _, bits = mode.rpartition(b":")
    modified, changed = (_nanoseconds(found, floor=bool(what)) for found in times if found)
    raw = _LETTERS.get(what, 0) | int(bits, 8) if what else int(bits, 16)
    return raw, Stamp(int(size), modified, changed, int(inode) & _MOST)


def _nanoseconds(found: re.Match[bytes], *, floor: bool) -> int:
    """Return a time as it stands: also one before 1970, or one that no 64 bits hold.

    Args:
        found: the time.
        floor: what stands behind the point is added also before 1970: half a second before that is -1.5, not -0.5.
    """
    seconds, more = int(found.group(2)) * 1_000_000_000, int((found.group(3) or b"")[:9].ljust(9, b"0"))
    if not found.group(1):
        return seconds + more
    return more - seconds if floor else -seconds - more


def usual_of(bits: bytes, raw: bytes, size: bytes, *rest: bytes) -> tuple[Key, Stamp, int]:
    """Return name, stamp and permissions out of the groups of `usual`."""
    mtime, more, ctime, later, inode, key = rest
    mode = int(bits, 8) if bits else int(raw, 16)
    return key, Stamp(int(size), int(mtime + more), int(ctime + later), int(inode)), mode & 0o777


def suspicious(name: str, entry: bytes, why: str) -> ListingError:
    """Return the error for a listing in which an entry cannot be true."""
    return ListingError(
        f"its listing is not to be trusted: {visible(entry, 120)!r} {why}; nothing was changed",
        where=name,
        hint="a line feed in a file name does this to a listcmd: let it print NUL (-print0), or drop listcmd",
    )
