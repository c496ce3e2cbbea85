"""Digests that hold as long as a stamp does, by repository and item, of one maker for each repository."""

import sqlite3
from collections.abc import Iterable, Sequence

from sshsync.model.item import Item, Key
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.state import blocks, records
from sshsync.state.blocks import Known


def cached(
    db: sqlite3.Connection, repository: Repository, maker: str, after: Key | None, most: int
) -> tuple[list[tuple[Key, Stamp, Digest]], Key | None]:
    """Return digests of a repository that `maker` made: about `most`, and after what the next ones begin, or None."""
    place = records.here(db, repository)
    if place is None or place.maker != maker:
        return [], None
    held, following = blocks.portion(db, place.number, after, most)
    return [row for block in held for row in blocks.seen(block)], following


def learn(db: sqlite3.Connection, repository: Repository, maker: str, items: Sequence[Item], *, only: bool) -> None:
    """Add digests, when they were made at the place that the records are about, or when there are none yet.

    Args:
        only: leave those of another maker, and so add none; else they go, being of no more use.
    """
    db.execute(
        "INSERT OR IGNORE INTO repositories (name, identity) VALUES (?, ?)", (repository.name, repository.identity)
    )
    place = records.here(db, repository)
    if place is None or (only and place.maker not in ("", maker)):
        return
    if place.maker != maker:
        blocks.change_all(db, place.number, _unseen)
        db.execute("UPDATE repositories SET maker = ? WHERE id = ?", (maker, place.number))
    news = {item.key: item for item in items if item.digest}
    blocks.change(db, place.number, news, _seen)


def forget(db: sqlite3.Connection, repository: Repository, maker: str, keys: Iterable[Key]) -> None:
    """Drop digests of a repository that `maker` made."""
    place = records.here(db, repository)
    if place and place.maker == maker:
        blocks.change(db, place.number, dict.fromkeys(keys), lambda known, _: _unseen(known))


def _seen(known: Known, item: Item) -> Known:
    return known._replace(stamp=item.stamp, seen=item.digest or "")


def _unseen(known: Known) -> Known:
    return known._replace(stamp=None, seen="")
