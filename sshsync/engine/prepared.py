"""What a link is about to do, and how one ended: values that its steps hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sshsync.model.change import Changes, Kind
from sshsync.model.events import Outcome
from sshsync.model.item import Key, Snapshot


@dataclass(slots=True)
class Prepared:
    """What a link is about to do: all of it is decided before the first byte moves."""

    parent: Snapshot
    child: Snapshot
    changes: Changes
    young: frozenset[Key]
    refusal: str = ""
    twins: Mapping[Key, Key] = field(default_factory=dict)

    @property
    def acts(self) -> bool:
        """Whether anything on the child is going to change."""
        return any(change.kind is not Kind.DELETE or not self.refusal for change in self.changes.changes)

    def expected(self) -> Snapshot:
        """Return what the child would hold if everything that is planned succeeded."""
        items = dict(self.child.items)
        for change in self.changes.changes:
            if change.new:
                # What changes while it is looked at has no digest yet: it does not become anything that is known.
                if change.new.digest:
                    items[change.key] = change.new
            elif not self.refusal:
                items.pop(change.key)
        return replace(self.child, items=items, existed=True)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: its outcome, and what its error asks for."""

    outcome: Outcome
    code: int = 0
    transient: bool = False
