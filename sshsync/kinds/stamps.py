"""Records of stat and find: mode, size, times and inode of a file, and the stamps of what has just been published."""

import re

from sshsync.kinds.omitted import DIRECTORY, LINK
from sshsync.model.item import Key, Stamp
from sshsync.remote.frame import records

REGULAR = 0o100000
_LETTERS = {b"f": REGULAR, b"d": DIRECTORY, b"l": LINK, b"p": 0o010000, b"s": 0o140000, b"c": 0o020000, b"b": 0o060000}
"""What a find that prints by itself calls what stat tells by a number."""
_MODE = re.compile(rb"[0-9A-Fa-f]{1,8}|[A-Za-z?]:[0-7]{1,4}")
_SIZE = re.compile(rb"[0-9]{1,18}")
_INODE = re.compile(rb"[0-9]{1,20}")
_TIME = re.compile(rb"(-?)([0-9]{1,20})(?:[.,]([0-9]*))?")
_MOST = (1 << 63) - 1


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
        fields = record.split(b" ", 5)
        if len(fields) == 6 and fields[5].startswith(b"./"):
            known = read(fields)
            if known and known[0] & 0o170000 == REGULAR:
                group[fields[5][2:]] = known[1]
    return found


def _untouched(came: dict[Key, Stamp]) -> dict[Key, Stamp]:
    """Leave out what was changed after the next one had been renamed: the stamp is told a little later than that."""
    kept: dict[Key, Stamp] = {}
    latest: int | None = None
    for key, stamp in reversed(came.items()):
        if latest is None or stamp.ctime_ns <= latest:
            kept[key], latest = stamp, stamp.ctime_ns
    return kept


def read(fields: list[bytes]) -> tuple[int, Stamp] | None:
    """Return the raw mode and the stamp that a record tells, None where it cannot be read."""
    mode, size, mtime, ctime, inode, _ = fields
    times = [_TIME.fullmatch(mtime), _TIME.fullmatch(ctime)]
    if not (_MODE.fullmatch(mode) and _SIZE.fullmatch(size) and _INODE.fullmatch(inode) and all(times)):
        return None
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
