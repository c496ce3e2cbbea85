"""What is on record about repositories: bound to their places, so that another place is another repository."""

import sqlite3
from collections.abc import Iterable

from sshsync.model import events as ev
from sshsync.model.item import Digest, Key, short
from sshsync.model.topology import Repository
from sshsync.state import rows


def bind(db: sqlite3.Connection, repositories: Iterable[Repository]) -> None:
    """Forget what is on record about repositories that are now at another place."""
    known = dict(db.execute("SELECT name, identity FROM repositories").fetchall())
    for repository in repositories:
        if known.get(repository.name) != repository.identity:
            db.execute("DELETE FROM items WHERE repository = ?", (repository.name,))
            db.execute("DELETE FROM cache WHERE repository = ?", (repository.name,))
            place = (repository.name, repository.identity)
            db.execute("REPLACE INTO repositories (name, identity) VALUES (?, ?)", place)


def here(db: sqlite3.Connection, repository: Repository) -> bool:
    """Tell whether what is on record was found at the very place of the repository."""
    return _place(db, repository) is not None


def verified(db: sqlite3.Connection, repository: Repository, after: Key | None, most: int) -> list[tuple[Key, Digest]]:
    """Return digests last verified there: the first `most` whose keys come after one."""
    if not here(db, repository):
        return []
    wanted = "SELECT key, digest, size FROM items WHERE repository = ? AND (? IS NULL OR key > ?) ORDER BY key LIMIT ?"
    return list(map(rows.verified, db.execute(wanted, (repository.name, after, after, most))))


def count(db: sqlite3.Connection, repository: Repository) -> int:
    """Return how many items it held when it was last seen."""
    place = _place(db, repository)
    if place is None or not repository.parent:
        return place[0] if place else 0
    kept = db.execute("SELECT count(*) FROM items WHERE repository = ?", (repository.name,))
    return int(kept.fetchone()[0])


def in_sync(db: sqlite3.Connection, repository: Repository) -> float:
    """Return the moment of which it was last known to equal its master, or 0."""
    place = _place(db, repository)
    return place[1] if place else 0.0


def _place(db: sqlite3.Connection, repository: Repository) -> tuple[int, float] | None:
    wanted = "SELECT items, in_sync FROM repositories WHERE name = ? AND identity = ?"
    row = db.execute(wanted, (repository.name, repository.identity)).fetchone()
    return rows.place(row) if row else None


def take(db: sqlite3.Connection, event: ev.Event) -> None:
    """Put on record what an event of a real run tells about a repository."""
    if isinstance(event, ev.Scanned) and event.items:
        db.execute("UPDATE repositories SET items = ? WHERE name = ?", (event.items, event.repository))
    elif isinstance(event, ev.RepositoryFinished) and event.outcome in (ev.Outcome.DONE, ev.Outcome.UNCHANGED):
        db.execute("UPDATE repositories SET in_sync = ? WHERE name = ?", (event.as_of, event.repository))
    elif isinstance(event, ev.Published | ev.Verified):
        _put(db, event.repository, event.items)
    elif isinstance(event, ev.Deleted):
        _put(db, event.repository, [(name, "", 0) for name in event.names])


def _put(db: sqlite3.Connection, repository: str, items: Iterable[tuple[str, str, int]]) -> None:
    found = [(repository, ev.key_of(name), short(digest), size) for name, digest, size in items]
    db.executemany("REPLACE INTO items VALUES (?, ?, ?, ?)", [row for row in found if row[2]])
    gone = [row[:2] for row in found if not row[2]]
    db.executemany("DELETE FROM items WHERE repository = ? AND key = ?", gone)


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
    for name, identity, *place in db.execute("SELECT name, identity, items, in_sync FROM repositories"):
        rows.words(name, "the name of a repository")
        rows.words(identity, "the place of a repository")
        rows.place(place)
