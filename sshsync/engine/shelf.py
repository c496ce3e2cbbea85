"""The shelf: what each repository of a run offers to its children. It stands where the run is led."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sshsync.core import verify
from sshsync.core.offer import offered
from sshsync.model.events import GOOD
from sshsync.model.item import Sealed, Snapshot
from sshsync.model.order import Blocked, Done, Ended, Offer
from sshsync.model.plan import Step
from sshsync.model.records import Records
from sshsync.model.topology import Repository


class Shelf:
    """Keeps the results of jobs as offers; what is on record about a parent is read once for all its children.

    What nobody takes anything from, or nobody any more, is not kept: a tree may hold millions of items.

    Args:
        repositories: all of them, by name.
        place: tells in a word of its kind what holds a repository's items.
        records: what earlier runs left.
        part: leaves of a snapshot of a repository what this run looks at.
        parents: those from which somebody takes something in this run.
    """

    def __init__(
        self,
        repositories: Mapping[str, Repository],
        place: Callable[[Repository], str],
        records: Records,
        parents: Iterable[str],
        part: Callable[[Repository, Snapshot], Snapshot],
    ) -> None:
        self._repositories = repositories
        self._place = place
        self._records = records
        self._parents = set(parents)
        self._part = part
        self._held: dict[str, Offer | Blocked] = {}
        self._offered: dict[str, Offer | Blocked] = {}
        self._ended: dict[str, Ended] = {}

    def put(self, done: Done) -> None:
        """Take what a job found or made."""
        name = done.job.repository
        if done.job.step is not Step.LOOK:
            self._ended[name] = done.ended
        if done.offer is not None and name in self._parents:
            self._held[name] = done.offer
        self._offered.pop(name, None)

    def clear(self, name: str) -> None:
        """Keep nothing more of what a repository offers: there is nobody left who takes it."""
        self._held.pop(name, None)
        self._offered.pop(name, None)
        self._parents.discard(name)

    def ended(self, name: str) -> Ended | None:
        """Return how a repository ended in this run; None when it did not yet, or is no part of it."""
        return self._ended.get(name)

    def offer(self, name: str) -> Offer | Blocked | None:
        """Return what a repository offers to its children; None when nobody looked at it yet."""
        if name not in self._offered and name in self._held:
            repository, ended = self._repositories[name], self._ended.get(name)
            found = offered(repository, self._place(repository), self._held[name], ended)
            self._offered[name] = found if isinstance(found, Blocked) else self._completed(repository, found, ended)
        return self._offered.get(name)

    def _completed(self, parent: Repository, offer: Offer, ended: Ended | None) -> Offer:
        """Complete an offer by what is on record: a master vouches for itself; who opens a listing looks himself."""
        offer = replace(offer, recorded=self._records.count(parent))
        if not parent.parent or isinstance(offer.snapshot.items, Sealed):
            return offer
        found = verify.standing(self._part(parent, offer.snapshot), self._records.verified(parent), offer.vouched)
        as_of = self._as_of(parent, offer, ended)
        return replace(offer, vouched=(), altered=found.altered, unknown=found.unknown, as_of=as_of)

    def _as_of(self, parent: Repository, offer: Offer, ended: Ended | None) -> float:
        """Return the moment of the master's state that a success brings to a child.

        For a parent that this run did not synchronize that is when it was last known to equal its master.
        """
        if ended is None:
            return self._records.in_sync(parent) or offer.as_of
        return offer.as_of if ended.outcome in GOOD else 0.0
