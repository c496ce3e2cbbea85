"""What every part of a run shares: plain parts handed in by `api`, no globals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sshsync.appliers.base import Appliers
from sshsync.core import algorithm
from sshsync.core.lease import Here
from sshsync.core.publication import Publication
from sshsync.hosts.asking import Asking
from sshsync.kinds.base import Kind
from sshsync.model.events import Emit
from sshsync.model.records import Records
from sshsync.model.topology import Repository, Tree


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
