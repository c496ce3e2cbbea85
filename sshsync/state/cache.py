"""Digests that hold as long as a stamp does, by repository, item, and what makes the digests."""

import sqlite3
from collections.abc import Iterable, Sequence

from sshsync.model.item import Digest, Item, Key, Stamp, short
from sshsync.model.topology import Repository
from sshsync.state import records, rows


def cached(
    db: sqlite3.Connection, repository: Repository, maker: str, after: Key | None, most: int
) -> list[tuple[Key, Stamp, Digest]]:
    """Return digests of a repository that `maker` made: the first `most` whose keys come after one."""
    if not records.here(db, repository):
        return []
    wanted = (
        "SELECT key, size, mtime, ctime, inode, digest FROM cache"
        " WHERE repository = ? AND (? IS NULL OR key > ?) AND algorithm = ? ORDER BY key LIMIT ?"
    )
    return list(map(rows.cached, db.execute(wanted, (repository.name, after, after, maker, most))))


def learn(db: sqlite3.Connection, repository: Repository, maker: str, items: Sequence[Item]) -> None:
    """Add digests, when they were made at the place that the records are about, or when there are none yet."""
    place = (repository.name, repository.identity)
    db.execute("INSERT OR IGNORE INTO repositories (name, identity) VALUES (?, ?)", place)
    if records.here(db, repository):
        found = (
            (
                repository.name,
                i.key,
                maker,
                i.stamp.size,
                i.stamp.mtime_ns,
                i.stamp.ctime_ns,
                i.stamp.inode,
                short(i.digest or ""),
            )
            for i in items
        )
        db.executemany("REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?, ?, ?)", found)


def forget(db: sqlite3.Connection, repository: Repository, maker: str, keys: Iterable[Key], *, only: bool) -> None:
    """Drop digests of a repository.

    Args:
        only: leave those of other makers; else they go too, being of no more use.
    """
    if records.here(db, repository):
        gone = ((repository.name, key, maker) for key in keys)
        db.executemany("DELETE FROM cache WHERE repository = ? AND key = ? AND algorithm = ?", gone)
        if not only:
            db.execute("DELETE FROM cache WHERE repository = ? AND algorithm != ?", (repository.name, maker))
