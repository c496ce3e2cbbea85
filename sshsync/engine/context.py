"""What every part of a run shares: plain parts handed in by `api`, no globals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sshsync.core import algorithm
from sshsync.core.lease import Here
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop, T
from sshsync.hosts.session import Session
from sshsync.kinds.base import Kind
from sshsync.model.events import Emit
from sshsync.model.item import Digest, Item, Key, Stamp
from sshsync.model.topology import Repository, Tree
from sshsync.remote.probe import Capabilities
from sshsync.transfers.base import Strategy


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
    """The parts of a run.

    Attributes:
        clock: the controller's time in seconds since the epoch.
        monotonic: seconds that never jump.
        here: the process that runs this, as leases name it.
        crashed: takes a bug in our own code with its traceback.
    """

    tree: Tree
    pool: Pool
    kind: Kind
    strategies: Mapping[str, Strategy]
    records: Records
    emit: Emit
    stop: Stop
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    here: Here
    crashed: Callable[[str, BaseException], None] = lambda _repository, _error: None

    @property
    def asking(self) -> Asking:
        """What speaks to hosts."""
        return Asking(self.pool, self.emit, self.stop, self.monotonic)

    def session(self, repository: Repository) -> Session:
        """Return a live session to the repository's host; see `Asking.session`."""
        return self.asking.session(repository)

    def capabilities(self, repository: Repository) -> Capabilities:
        """Return what the repository's host can do; see `Asking.capabilities`."""
        return self.asking.capabilities(repository)

    def algorithm(self, repository: Repository) -> str:
        """Return the digest algorithm of the repository's chain."""
        return algorithm.of_chain(self.tree.chain(repository.name))

    def maker(self, repository: Repository) -> str:
        """Return what makes the repository's digests, as its cache is asked for them."""
        return algorithm.maker(repository, self.algorithm(repository))

    def retry(
        self, repository: Repository, step: str, operation: Callable[[], T], progress: Callable[[], int] = lambda: 0
    ) -> T:
        """Run a step until it succeeds or trying again makes no sense; see `Asking.retry`."""
        return self.asking.retry(repository, step, operation, progress)
