"""What every part of a run shares: plain parts handed in by `api`, no globals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sshsync.appliers.base import Appliers
from sshsync.core import algorithm
from sshsync.core.lease import Here
from sshsync.core.publication import Publication
from sshsync.hosts.asking import Asking
from sshsync.kinds.base import Kind
from sshsync.model.events import Emit
from sshsync.model.item import Items, Key, Snapshot
from sshsync.model.narrow import WHOLE
from sshsync.model.records import Records, Underway
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

    def wanted(self, repository: Repository) -> Callable[[Key], bool]:
        """Return the test whether an item takes part in what this run does with a repository."""
        configured = self.kind(repository).wanted(repository)
        if not repository.narrowed:
            return configured
        asked = self.kind(repository).wanted(_asked(repository))
        return lambda key: configured(key) and asked(key)

    def reaches(self, repository: Repository) -> Callable[[Key], bool]:
        """Return the test whether what bears a name, or lies below it, may take part in that, whatever it is."""
        configured = self.kind(repository).reaches(repository)
        if not repository.narrowed:
            return configured
        asked = self.kind(repository).reaches(_asked(repository))
        return lambda key: configured(key) and asked(key)

    def part(self, repository: Repository, found: Snapshot) -> Snapshot:
        """Return what this run looks at of what a repository was found to hold."""
        if not repository.narrowed:
            return found
        asked = self.kind(repository).wanted(_asked(repository))
        return replace(found, items=Items(item for key, item in found.items.items() if asked(key)))

    def underway(self, repository: Repository) -> tuple[Underway, ...]:
        """Return what earlier runs sent of items that this run may bring."""
        found = self.records.underway(repository)
        if not repository.narrowed:
            return found
        wanted = self.wanted(repository)
        return tuple(one for one in found if wanted(one.key))


def _asked(repository: Repository) -> Repository:
    """Return a repository with what it is narrowed to for its patterns."""
    narrow = repository.narrowed
    return replace(repository, include=narrow.include, exclude=narrow.exclude, narrowed=WHOLE)
