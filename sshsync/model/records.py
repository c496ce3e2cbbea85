"""What earlier runs left, as whoever works on a run knows it; `state` keeps it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sshsync.model.item import Item, Key
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository


@dataclass(frozen=True, slots=True)
class Underway:
    """What went over the wire of an item that is not published yet. Nobody knows what of it arrived.

    Attributes:
        digest, size: of the item as it is to become.
        chunks: offset, bytes, and digest in hexadecimal, in order.
    """

    key: Key
    digest: Digest
    size: int
    chunks: tuple[tuple[int, int, str], ...]

    @property
    def sent(self) -> int:
        """Bytes of the item that were sent, each counted once."""
        count = end = 0
        for offset, length, _ in self.chunks:
            count += max(0, offset + length - max(offset, end))
            end = max(end, offset + length)
        return count


class Records(Protocol):
    """What earlier runs left. It only saves work: without it everything is verified anew."""

    def verified(self, repository: Repository) -> Iterator[tuple[Key, Digest]]:
        """Yield the digests last verified there, in the order of their keys; a few at a time are in memory."""
        ...

    def count(self, repository: Repository) -> int:
        """Return how many items it held when it was last seen."""
        ...

    def in_sync(self, repository: Repository) -> float:
        """Return the moment of which it was last known to equal its master, or 0."""
        ...

    def cached(self, repository: Repository, maker: str) -> Iterator[tuple[Key, Stamp, Digest]]:
        """Yield digests that `maker` made (`Context.maker`), each with the stamp as long as which it holds.

        They come in the order of their keys; a few at a time are in memory.
        """
        ...

    def learn(self, repository: Repository, maker: str, items: Iterable[Item], *, soon: bool = False) -> None:
        """Add to the cached digests; those of another maker go. A dry run leaves these, and adds none beside them.

        Args:
            repository: where they were made.
            maker: what made them.
            items: with their digests.
            soon: they may wait for what has to be on disk next; else they are when this returns.
        """
        ...

    def forget(self, repository: Repository, maker: str, keys: Iterable[Key]) -> None:
        """Drop the cached digests of some items; that may wait for what has to be on disk next."""
        ...

    def underway(self, repository: Repository) -> tuple[Underway, ...]:
        """Return what was sent of items that are not published yet, when that is of use for who goes on."""
        ...

    def noted(self, name: str) -> str:
        """Return a note that was left for later, "" for none."""
        ...

    def note(self, name: str, value: str) -> None:
        """Leave a note for later; it is on disk when this returns."""
        ...


class Reading:
    """Records of who only looks: they are read, and nothing is written to them. See `Records`.

    Args:
        records: what is read.
    """

    def __init__(self, records: Records) -> None:
        self.verified = records.verified
        self.count = records.count
        self.in_sync = records.in_sync
        self.cached = records.cached
        self.underway = records.underway
        self.noted = records.noted

    def learn(self, repository: Repository, maker: str, items: Iterable[Item], *, soon: bool = False) -> None:
        """Keep nothing."""

    def forget(self, repository: Repository, maker: str, keys: Iterable[Key]) -> None:
        """Drop nothing."""

    def note(self, name: str, value: str) -> None:
        """Leave no note."""
