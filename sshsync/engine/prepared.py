"""What a link is about to do, and how one ended: values that its steps hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sshsync.model.change import Changes, Delete
from sshsync.model.events import Outcome
from sshsync.model.item import Key, Snapshot
from sshsync.model.words import visible


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
        return any(not isinstance(change, Delete) or not self.refusal for change in self.changes.changes)

    def no_room(self, key: Key, other: Key, *, delete: bool) -> str:
        """Return why `other` leaves no room for the copy of `key`; `delete` is what the child's option says."""
        file = key.startswith(other + b"/")
        what = f"{visible(other, 120)} is {'a file where its directory belongs' if file else 'in a directory there'}"
        if self.refusal:
            return f"{what}, and its deletion is refused"
        if delete:
            return f"{what}, and stays because it is excluded or the parent could not be listed in full"
        return f"{what}, and is only removed with delete = yes"

    def expected(self) -> Snapshot:
        """Return what the child would hold if everything that is planned succeeded."""
        items = dict(self.child.items)
        for change in self.changes.changes:
            if not isinstance(change, Delete):
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
