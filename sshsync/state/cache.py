"""Digests that hold as long as a stamp does, by repository and item, of one maker for each repository."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from sshsync.model.item import Item, Key
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.state import blocks, records
from sshsync.state.blocks import Changes, Known


def cached(
    db: sqlite3.Connection, repository: Repository, maker: str, after: Key | None, most: int
) -> tuple[list[tuple[Key, Stamp, Digest]], Key | None]:
    """Return digests of a repository that `maker` made: about `most`, and after what the next ones begin, or None."""
    place = records.here(db, repository)
    if place is None or place.maker != maker:
        return [], None
    held, following = blocks.portion(db, place.number, after, most)
    return [row for block in held for row in blocks.seen(block)], following


@dataclass(frozen=True, slots=True)
class News:
    """What becomes known of the digests of a repository that `maker` made.

    Attributes:
        items: with digests that hold from now on.
        gone: what is cached of these does not hold any more.
    """

    repository: Repository
    maker: str
    items: Sequence[Item] = ()
    gone: Sequence[Key] = ()


def take(db: sqlite3.Connection, news: News, changes: Changes, *, only: bool) -> None:
    """Add digests, when they were made at the place that the records are about, or when there are none yet.

    Args:
        db: the database.
        news: what becomes known.
        changes: what waits to be made goes before it; takes what is to be made.
        only: leave those of another maker, and so add none; else they go, being of no more use.
    """
    repository, maker = news.repository, news.maker
    if news.items:
        place = (repository.name, repository.identity)
        db.execute("INSERT OR IGNORE INTO repositories (name, identity) VALUES (?, ?)", place)
    here = records.here(db, repository)
    if here is None:
        return
    if news.gone and here.maker == maker:
        changes.add(here.number, dict.fromkeys(news.gone), lambda known, _: _unseen(known))
    if not news.items or (only and here.maker not in ("", maker)):
        return
    if here.maker != maker:
        changes.make(db)
        blocks.change_all(db, here.number, _unseen)
        db.execute("UPDATE repositories SET maker = ? WHERE id = ?", (maker, here.number))
    changes.add(here.number, {item.key: item for item in news.items if item.digest}, _seen)


def _seen(known: Known, item: Item) -> Known:
    return known._replace(stamp=item.stamp, seen=item.digest or "")


def _unseen(known: Known) -> Known:
    return known._replace(stamp=None, seen="")
