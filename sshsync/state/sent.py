"""What went over the wire of items that are on their way: after a kill it is known by these digests what arrived."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sshsync.model import events as ev
from sshsync.model.item import Key
from sshsync.model.records import Underway
from sshsync.model.topology import Repository
from sshsync.state import records, rows
from sshsync.state.rows import Damaged

_ROWS = "SELECT key, digest, size, start, length, chunk FROM sent"


def underway(db: sqlite3.Connection, repository: Repository) -> tuple[Underway, ...]:
    """Return what was sent of items of a repository that are not published yet."""
    place = records.here(db, repository)
    return tuple(_read(db, place.number)) if place else ()


def take(db: sqlite3.Connection, event: ev.Event) -> None:
    """Put on record what an event of a real run tells of items that are on their way."""
    if not isinstance(event, ev.Sent | ev.Published | ev.Deleted | ev.RepositoryFinished):
        return
    row = db.execute("SELECT id FROM repositories WHERE name = ?", (event.repository,)).fetchone()
    if row is None:
        return
    if isinstance(event, ev.Sent):
        _add(db, row[0], event)
    elif isinstance(event, ev.RepositoryFinished):
        if event.outcome in (ev.Outcome.DONE, ev.Outcome.UNCHANGED) and not event.narrowed:
            db.execute("DELETE FROM sent WHERE repository = ?", row)
    else:
        names = event.names if isinstance(event, ev.Deleted) else [name for name, _, _ in event.items]
        gone = ((row[0], ev.key_of(name)) for name in names)
        db.executemany("DELETE FROM sent WHERE repository = ? AND key = ?", gone)


def _add(db: sqlite3.Connection, repository: int, event: ev.Sent) -> None:
    """Add chunks; an item becomes one content only, so what is on record of another one goes."""
    key = ev.key_of(event.name)
    which = "!=" if event.chunks else "="
    gone = f"DELETE FROM sent WHERE repository = ? AND key = ? AND digest {which} ?"  # noqa: S608 - constant text
    db.execute(gone, (repository, key, event.digest))
    chunks = (
        (repository, key, event.digest, event.size, start, length, bytes.fromhex(chunk))
        for start, length, chunk in event.chunks
    )
    db.executemany("REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)", chunks)


def readable(db: sqlite3.Connection) -> None:
    """Read all of it; it is little.

    Raises:
        Damaged: something of it cannot be read.
    """
    for (number,) in db.execute("SELECT id FROM repositories").fetchall():
        for _ in _read(db, number):
            pass


def _read(db: sqlite3.Connection, repository: int) -> Iterator[Underway]:
    found = db.execute(f"{_ROWS} WHERE repository = ? ORDER BY key, digest, start", (repository,))
    for (key, digest, size), some in groupby(found, lambda row: row[:3]):
        chunks = tuple(_chunk(row[3:], size) for row in some)
        yield Underway(_key(key), rows.words(digest, "a digest"), rows.whole(size, "the size of an item"), chunks)


def _chunk(row: tuple[Any, ...], size: Any) -> tuple[int, int, str]:
    start, length, chunk = row
    most = rows.whole(size, "the size of an item")
    offset = rows.whole(start, "the place of a chunk", most)
    if type(chunk) is not bytes or not chunk or not length:
        raise Damaged("the digest of a chunk is none")
    return offset, rows.whole(length, "the length of a chunk", most - offset), chunk.hex()


def _key(value: object) -> Key:
    if type(value) is not bytes or not value:
        raise Damaged("what was sent is no item")
    return value
