"""When an item changed on whom: read out of the events about items, the latest first."""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from sshsync.model import events as ev
from sshsync.state import rows
from sshsync.state.rows import Damaged

INDEX = "CREATE INDEX IF NOT EXISTS events_about_items ON events (seq) WHERE typeof(event) = 'blob'"
"""Events that tell of items are the compressed ones: the others, and there may be many, are passed over."""
_WANTED = """SELECT seq, run, at, event FROM events WHERE typeof(event) = 'blob' AND seq < ?
    ORDER BY seq DESC LIMIT ?"""


class Arrival(NamedTuple):
    """An item changed: `what` is published, deleted or adjusted; without digest and size where they are not known."""

    run: str
    at: float
    repository: str
    what: str
    digest: str = ""
    size: int | None = None


def portion(db: sqlite3.Connection, name: str, before: int, most: int) -> tuple[list[Arrival], int]:
    """Return what happened to an item before an event, among so many events about items, and where to go on.

    Raises:
        Damaged: an event is none.
    """
    found: list[Arrival] = []
    written = json.dumps(name).encode()
    last = 0
    for seq, run, at, event in db.execute(_WANTED, (before, most)):
        last = int(seq)
        # To read each name of all these events as JSON takes ten times as long as to look for one in their text.
        if written in _text(event):
            found += _told(rows.words(run, "the id of a run"), *rows.event(at, event), name)
    return found, last


def _told(run: str, at: float, event: ev.Event | None, name: str) -> Iterator[Arrival]:
    if isinstance(event, ev.Published):
        for held, digest, size in event.items:
            if held == name:
                yield Arrival(run, at, event.repository, "published", digest, size)
    elif isinstance(event, ev.Deleted | ev.Adjusted) and name in event.names:
        yield Arrival(run, at, event.repository, type(event).__name__.lower())


def _text(event: bytes) -> bytes:
    try:
        return zlib.decompress(event)
    except zlib.error as error:
        raise Damaged("an event is cut or garbled") from error
