"""Told: what hosts tell of staging, and times as they are told there."""

from datetime import datetime, timedelta

from sshsync.errors import ListingError
from sshsync.hosts.conversation import Reply
from sshsync.model.item import Key
from sshsync.remote.frame import records


def sizes(reply: Reply, token: bytes) -> dict[Key, int]:
    """Return what stat tells of files in staging."""
    found = {}
    for record in records(reply.payload, token):
        fields = record.split(b" ", 5)
        if len(fields) != 6 or not fields[1].isdigit():
            raise ListingError("staging cannot be listed", where=reply.label)
        found[fields[5][2:]] = int(fields[1])
    return found


def touch_time(seconds: int) -> bytes:
    """Return the time as ``touch -t`` wants it (POSIX: CCYYMMDDhhmm.SS; UTC); of other years what it refuses."""
    try:
        at = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    except OverflowError:
        return b"-"
    return f"{at.year:04}{at:%m%d%H%M.%S}".encode()
