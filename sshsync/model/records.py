"""What earlier runs left, as whoever works on a run knows it; `state` keeps it."""

from collections.abc import Iterable
from typing import Protocol

from sshsync.model.item import Digest, Item, Key, Stamp
from sshsync.model.topology import Repository


class Records(Protocol):
    """What earlier runs left. It only saves work: without it everything is verified anew."""

    def verified(self, repository: Repository) -> dict[Key, Digest]:
        """Return the digests last verified there."""
        ...

    def count(self, repository: Repository) -> int:
        """Return how many items it held when it was last seen."""
        ...

    def in_sync(self, repository: Repository) -> float:
        """Return the moment of which it was last known to equal its master, or 0."""
        ...

    def cached(self, repository: Repository, maker: str) -> dict[Key, tuple[Stamp, Digest]]:
        """Return digests by key that `maker` made (`Context.maker`), valid as long as the stamp is the same."""
        ...

    def remember(self, repository: Repository, maker: str, items: Iterable[Item]) -> None:
        """Replace the cached digests."""
        ...

    def noted(self, name: str) -> str:
        """Return a note that was left for later, "" for none."""
        ...

    def note(self, name: str, value: str) -> None:
        """Leave a note for later; it is on disk when this returns."""
        ...

    def learn(self, repository: Repository, maker: str, items: Iterable[Item]) -> None:
        """Add to the cached digests."""
        ...
