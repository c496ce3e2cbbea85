"""Told: what hosts tell of staging, and times as they are told there."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sshsync.errors import ListingError
from sshsync.hosts.conversation import Reply
from sshsync.model.item import Key
from sshsync.remote.frame import records
from sshsync.transfers.load import Load

_CLOSED = re.compile(r"batch/[0-9a-f]{16}-\d+")
"""A staged name under which nobody can write any more: its receiver has ended."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """What an interrupted attempt left of wanted changes.

    Attributes:
        name: where it lies.
        load: what becomes of it.
        size: bytes of a part.
    """

    name: str
    load: Load
    size: int = 0

    @property
    def closed(self) -> bool:
        """Whether nobody can write to it any more."""
        return bool(_CLOSED.fullmatch(self.name))


def sizes(reply: Reply, token: bytes) -> dict[Key, int]:
    """Return what stat tells of files in staging."""
    found = {}
    for record in records(reply.payload, token):
        fields = record.split(b" ", 5)
        if len(fields) != 6 or not fields[1].isdigit():
            raise ListingError("staging cannot be listed", where=reply.label)
        found[fields[5][2:]] = int(fields[1])
    return found


def digest(name: str) -> str:
    """Return of which content the part of a name in staging is, in hexadecimal."""
    return name.removeprefix("part/").partition(".")[0]


def touch_time(seconds: int) -> bytes:
    """Return the time as ``touch -t`` wants it (POSIX: CCYYMMDDhhmm.SS; UTC); of other years what it refuses."""
    try:
        at = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    except OverflowError:
        return b"-"
    return f"{at.year:04}{at:%m%d%H%M.%S}".encode()
