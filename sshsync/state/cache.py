"""Digests that hold as long as a stamp does, by repository, item, and what makes the digests."""

import sqlite3
from collections.abc import Sequence

from sshsync.model.item import Digest, Item, Key, Stamp
from sshsync.model.topology import Repository
from sshsync.state import records, rows


def cached(db: sqlite3.Connection, repository: Repository, maker: str) -> dict[Key, tuple[Stamp, Digest]]:
    """Return the digests of a repository that `maker` made."""
    if not records.here(db, repository):
        return {}
    wanted = "SELECT key, size, mtime, ctime, inode, digest FROM cache WHERE repository = ? AND algorithm = ?"
    return dict(map(rows.cached, db.execute(wanted, (repository.name, maker))))


def learn(db: sqlite3.Connection, repository: Repository, maker: str, items: Sequence[Item]) -> None:
    """Add digests, when they were made at the place that the records are about, or when there are none yet."""
    place = (repository.name, repository.identity)
    db.execute("INSERT OR IGNORE INTO repositories (name, identity) VALUES (?, ?)", place)
    if records.here(db, repository):
        found = (
            (repository.name, i.key, maker, i.stamp.size, i.stamp.mtime_ns, i.stamp.ctime_ns, i.stamp.inode, i.digest)
            for i in items
        )
        db.executemany("REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?, ?, ?)", found)


def remember(db: sqlite3.Connection, repository: Repository, maker: str, items: Sequence[Item], *, only: bool) -> None:
    """Replace the digests of a repository.

    Args:
        only: leave those of other makers; else they go too, being of no more use.
    """
    if records.here(db, repository):
        wanted = "DELETE FROM cache WHERE repository = ? AND (algorithm = ? OR NOT ?)"
        db.execute(wanted, (repository.name, maker, only))
    learn(db, repository, maker, items)
