"""Changes: what differs between a parent and a child."""

from dataclasses import dataclass
from enum import StrEnum

from sshsync.model.item import Item, Key, Problem


class Kind(StrEnum):
    """What has to happen to an item on the child."""

    COPY = "copy"
    REPLACE = "replace"
    ADJUST = "adjust"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `new` is the parent's item (None for a deletion), `old` the child's (None for a copy)."""

    kind: Kind
    key: Key
    old: Item | None
    new: Item | None

    @property
    def size(self) -> int:
        """Bytes that have to move for it."""
        moves = self.kind in (Kind.COPY, Kind.REPLACE)
        return self.new.size if moves and self.new else 0


@dataclass(frozen=True, slots=True)
class Changes:
    """The outcome of a diff.

    Attributes:
        changes: in a stable order: by kind, then by key.
        unchanged: keys whose digest is equal on both sides (those to adjust included).
        blocked: items that the parent has but that must not be passed on, with the reason.
        excluded: number of items left out by `include` and `exclude`.
    """

    changes: tuple[Change, ...]
    unchanged: tuple[Key, ...]
    blocked: tuple[Problem, ...] = ()
    excluded: int = 0

    def of(self, *kinds: Kind) -> tuple[Change, ...]:
        """Return the changes of the given kinds."""
        return tuple(change for change in self.changes if change.kind in kinds)

    @property
    def transfers(self) -> tuple[Change, ...]:
        """Changes that move bytes."""
        return self.of(Kind.COPY, Kind.REPLACE)
