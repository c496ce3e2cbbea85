"""What every part of a run shares: plain parts handed in by `api`, no globals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sshsync.appliers.base import Appliers
from sshsync.core import algorithm
from sshsync.core.lease import Here
from sshsync.core.publication import Publication
from sshsync.hosts.asking import Asking
from sshsync.kinds.base import Kind
from sshsync.model.events import Emit
from sshsync.model.item import Digest, Item, Key, Stamp
from sshsync.model.topology import Repository, Tree


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


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of a run, as one process has them.

    Attributes:
        asking: how hosts are spoken to; it has the stop signal and the clocks.
        kinds: what items are, by the type of a repository.
        appliers: how changes are made true, by the same.
        publication: when what is staged becomes visible.
        here: the process that runs this, as leases name it.
        crashed: takes a bug in our own code with its traceback.
    """

    tree: Tree
    asking: Asking
    kinds: Mapping[str, Kind]
    appliers: Mapping[str, Appliers[Any]]
    publication: Publication
    records: Records
    emit: Emit
    here: Here
    crashed: Callable[[str, BaseException], None] = lambda _repository, _error: None

    def kind(self, repository: Repository) -> Kind:
        """Return what the items of a repository are."""
        return self.kinds[repository.type]

    def maker(self, repository: Repository) -> str:
        """Return what makes the repository's digests, as its cache is asked for them."""
        return algorithm.maker(repository)
