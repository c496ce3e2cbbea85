"""What is on record about repositories: bound to their places, so that another place is another repository."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from sshsync.model import events as ev
from sshsync.model.item import Key
from sshsync.model.row import Digest
from sshsync.model.topology import Repository
from sshsync.state import blocks, rows
from sshsync.state.blocks import NOTHING, Changes, Known


class Place(NamedTuple):
    """What is on record about a repository.

    Attributes:
        number: by which its items are found.
        items: how many it held when it was last seen.
        in_sync: the moment of which it was last known to equal its master, or 0.
        maker: what made the digests that are cached of it; "" for nobody.
    """

    number: int
    items: int
    in_sync: float
    maker: str


_PLACES = "SELECT id, name, identity FROM repositories"


def bind(db: sqlite3.Connection, repositories: Iterable[Repository]) -> None:
    """Forget what is on record about repositories that are now at another place."""
    known = {name: (number, identity) for number, name, identity in db.execute(_PLACES)}
    for repository in repositories:
        number, identity = known.get(repository.name, (None, None))
        if identity != repository.identity:
            for table in ("items", "sent"):
                db.execute(f"DELETE FROM {table} WHERE repository = ?", (number,))  # noqa: S608 - constant text
            place = (repository.name, repository.identity)
            db.execute("REPLACE INTO repositories (name, identity) VALUES (?, ?)", place)


def here(db: sqlite3.Connection, repository: Repository) -> Place | None:
    """Return what is on record about a repository, None where that was not found at its very place."""
    wanted = "SELECT id, items, in_sync, maker FROM repositories WHERE name = ? AND identity = ?"
    row = db.execute(wanted, (repository.name, repository.identity)).fetchone()
    return Place(*rows.place(row)) if row else None


def verified(
    db: sqlite3.Connection, repository: Repository, after: Key | None, most: int
) -> tuple[list[tuple[Key, Digest]], Key | None]:
    """Return digests last verified there: about `most`, and after what the next ones begin, or None."""
    place = here(db, repository)
    held, following = blocks.portion(db, place.number, after, most) if place else ([], None)
    return [row for block in held for row in blocks.verified(block)], following


def digest(db: sqlite3.Connection, repository: Repository, key: Key) -> Digest:
    """Return the digest at which an item was last verified there, "" for none."""
    place = here(db, repository)
    return blocks.one(db, place.number, key).verified if place else ""


def count(db: sqlite3.Connection, repository: Repository) -> int:
    """Return how many items it held when it was last seen."""
    place = here(db, repository)
    if place is None or not repository.parent:
        return place.items if place else 0
    counts = db.execute("SELECT verified FROM items WHERE repository = ?", (place.number,))
    return sum(rows.whole(count, "a number of items") for (count,) in counts)


def in_sync(db: sqlite3.Connection, repository: Repository) -> float:
    """Return the moment of which it was last known to equal its master, or 0."""
    place = here(db, repository)
    return place.in_sync if place else 0.0


def take(db: sqlite3.Connection, event: ev.Event, changes: Changes) -> None:
    """Put on record what an event of a real run tells about a repository; of its items when the changes are made."""
    if isinstance(event, ev.Scanned) and event.items:
        db.execute("UPDATE repositories SET items = ? WHERE name = ?", (event.items, event.repository))
    elif isinstance(event, ev.RepositoryFinished):
        # Who looked at a part knows nothing of the whole.
        if event.outcome not in (ev.Outcome.DONE, ev.Outcome.UNCHANGED) or event.narrowed:
            return
        db.execute("UPDATE repositories SET in_sync = ? WHERE name = ?", (event.as_of, event.repository))
    elif isinstance(event, ev.Published | ev.Verified):
        _put(db, event.repository, event.items, changes)
    elif isinstance(event, ev.Deleted):
        _put(db, event.repository, [(name, "", 0) for name in event.names], changes)


def _put(db: sqlite3.Connection, repository: str, items: Iterable[tuple[str, str, int]], changes: Changes) -> None:
    """Note what was verified; what has no digest is gone."""
    row = db.execute("SELECT id FROM repositories WHERE name = ?", (repository,)).fetchone()
    if row:
        changes.add(row[0], {ev.key_of(name): digest for name, digest, _ in items}, _as_verified)


def _as_verified(known: Known, digest: Digest) -> Known:
    return known._replace(verified=digest) if digest else NOTHING


def noted(db: sqlite3.Connection, name: str) -> str:
    """Return a note that was left for later, "" for none."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (f"note:{name}",)).fetchone()
    return rows.words(row[0], "a note") if row else ""


def note(db: sqlite3.Connection, name: str, value: str) -> None:
    """Leave a note for later."""
    db.execute("REPLACE INTO meta (name, value) VALUES (?, ?)", (f"note:{name}", value))


def readable(db: sqlite3.Connection) -> None:
    """Read what a look may read about repositories.

    Raises:
        Damaged: something of it cannot be read.
    """
    for row in db.execute("SELECT name, value FROM meta"):
        rows.words(row[0], "the name of a note")
        rows.words(row[1], "a note")
    for name, identity, *place in db.execute("SELECT name, identity, id, items, in_sync, maker FROM repositories"):
        rows.words(name, "the name of a repository")
        rows.words(identity, "the place of a repository")
        rows.place(place)
