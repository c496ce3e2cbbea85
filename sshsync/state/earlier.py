"""The steps that lead from the tables of each earlier sshsync to those of the next."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sshsync.model.item import Key
from sshsync.model.row import Digest, Stamp, digest_of
from sshsync.state.blocks import Known, change
from sshsync.state.rows import Damaged

T = TypeVar("T")

_CACHE = """CREATE TABLE cache (
    repository TEXT NOT NULL, key BLOB NOT NULL, algorithm TEXT NOT NULL, size INTEGER NOT NULL,
    mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (repository, key, algorithm)) WITHOUT ROWID
"""
_AT_A_TIME = 10_000


def moment_of_sync(db: sqlite3.Connection) -> None:
    """From 1: the moment of which a repository is in sync. Some files with this column still bear the number 1."""
    if "in_sync" not in columns(db, "repositories"):
        db.execute("ALTER TABLE repositories ADD COLUMN in_sync REAL NOT NULL DEFAULT 0")


def algorithm_of_cache(db: sqlite3.Connection) -> None:
    """From 2: a cached digest is found by what makes such digests, too."""
    if "algorithm" in columns(db, "cache"):
        return
    db.execute("ALTER TABLE cache RENAME TO earlier")
    db.execute(_CACHE)
    db.execute(
        "INSERT INTO cache SELECT repository, key, substr(digest, 1, instr(digest, ':') - 1), size, mtime, ctime,"
        " inode, digest FROM earlier WHERE instr(digest, ':') > 1"
    )
    db.execute("DROP TABLE earlier")


def short(_db: sqlite3.Connection) -> None:
    """From 3: digests are bytes, events that tell of items are compressed. What is there stays: both can be read."""


def blocks(db: sqlite3.Connection, tables: Iterable[str]) -> None:
    """From 4: what is on record about items stands in blocks, by numbers of repositories; what was sent, beside them.

    Of the cached digests of a repository, those of the maker stay that made most of them.

    Args:
        tables: the statements that make the new tables, among others.
    """
    for name in ("repositories", "items"):
        db.execute(f"ALTER TABLE {name} RENAME TO earlier_{name}")
    for table in tables:
        if any(f"CREATE TABLE {name} " in table for name in ("repositories", "items", "sent")):
            db.execute(table)
    db.execute(
        "INSERT INTO repositories (name, identity, items, in_sync)"
        " SELECT name, identity, items, in_sync FROM earlier_repositories"
    )
    for number, name in db.execute("SELECT id, name FROM repositories").fetchall():
        rows = db.execute("SELECT key, digest FROM earlier_items WHERE repository = ? ORDER BY key", (name,))
        _carry(db, number, map(_verified, rows), lambda known, digest: known._replace(verified=digest))
        most = "SELECT algorithm FROM cache WHERE repository = ? GROUP BY algorithm ORDER BY count(*) DESC LIMIT 1"
        for (maker,) in db.execute(most, (name,)).fetchall():
            db.execute("UPDATE repositories SET maker = ? WHERE id = ?", (maker, number))
            wanted = (
                "SELECT key, size, mtime, ctime, inode, digest FROM cache"
                " WHERE repository = ? AND algorithm = ? ORDER BY key"
            )
            _carry(db, number, map(_cached, db.execute(wanted, (name, maker))), _as_seen)
    for name in ("earlier_repositories", "earlier_items", "cache"):
        db.execute(f"DROP TABLE {name}")


def columns(db: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns, none for one that is not there."""
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _carry(
    db: sqlite3.Connection, repository: int, found: Iterator[tuple[Key, T]], do: Callable[[Known, T], Known]
) -> None:
    while some := dict(islice(found, _AT_A_TIME)):
        change(db, repository, some, do)


def _as_seen(known: Known, now: tuple[Stamp, Digest]) -> Known:
    return known._replace(stamp=now[0], seen=now[1])


def _verified(row: Sequence[Any]) -> tuple[Key, Digest]:
    return _key(row[0]), _digest(row[1])


def _cached(row: Sequence[Any]) -> tuple[Key, tuple[Stamp, Digest]]:
    if not all(type(number) is int for number in row[1:5]):
        raise Damaged("a digest in the cache is none")
    return _key(row[0]), (Stamp(*row[1:5]), _digest(row[5]))


def _key(value: object) -> Key:
    if type(value) is not bytes or not value:
        raise Damaged("what is on record about an item is none")
    return value


def _digest(value: object) -> Digest:
    """Return a digest that was written short or as it is."""
    try:
        digest = digest_of(value) if type(value) is bytes else value
    except KeyError:
        digest = None
    if type(digest) is not str or digest.find(":") <= 0:
        raise Damaged("a digest on record is none")
    return digest
