"""Changes: what differs between a parent and a child. Each kind of difference has just what belongs to it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeVar

from sshsync.model.empties import NO_EMPTIES, Empties
from sshsync.model.item import Item, Key
from sshsync.model.links import Link
from sshsync.model.problem import Problem


class Action(StrEnum):
    """What happens to an item on the child."""

    COPY = "copy"
    REPLACE = "replace"
    ADJUST = "adjust"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Copy:
    """The child lacks an item."""

    new: Item
    action: ClassVar[Action] = Action.COPY

    @property
    def key(self) -> Key:
        """The item."""
        return self.new.key

    @property
    def size(self) -> int:
        """Bytes that have to move."""
        return self.new.size


@dataclass(frozen=True, slots=True)
class Replace:
    """The child has the item with another digest."""

    old: Item
    new: Item
    action: ClassVar[Action] = Action.REPLACE

    @property
    def key(self) -> Key:
        """The item."""
        return self.new.key

    @property
    def size(self) -> int:
        """Bytes that have to move."""
        return self.new.size


@dataclass(frozen=True, slots=True)
class Adjust:
    """The digest is equal, but not what is told beside it (of a file: its mode or its time)."""

    old: Item
    new: Item
    action: ClassVar[Action] = Action.ADJUST
    size: ClassVar[int] = 0

    @property
    def key(self) -> Key:
        """The item."""
        return self.new.key


@dataclass(frozen=True, slots=True)
class Delete:
    """The parent lacks the item."""

    old: Item
    action: ClassVar[Action] = Action.DELETE
    size: ClassVar[int] = 0

    @property
    def key(self) -> Key:
        """The item."""
        return self.old.key


Transfer = Copy | Replace
"""What moves bytes."""

Change = Copy | Replace | Adjust | Delete

_C = TypeVar("_C", Copy, Replace, Adjust, Delete)


@dataclass(frozen=True, slots=True)
class Changes:
    """The outcome of a diff.

    Attributes:
        changes: in a stable order: by kind, then by key.
        unchanged: keys whose digest is equal on both sides (those to adjust included).
        blocked: items that the parent has, or may have, but that must not be passed on, with the reason.
        excluded: number of items left out by `include` and `exclude`.
        empties: directories with nothing in them that are made and removed.
        links: symbolic links that are made, or that are to lead elsewhere; those to be removed are among the deletions.
        withheld: number of items that the parent seems to lack and that stay, because not all is known that is there.
    """

    changes: tuple[Change, ...]
    unchanged: tuple[Key, ...]
    blocked: tuple[Problem, ...] = ()
    excluded: int = 0
    withheld: int = 0
    empties: Empties = NO_EMPTIES
    links: tuple[Link, ...] = ()

    def of(self, what: type[_C]) -> tuple[_C, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if isinstance(change, what))

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Changes that move bytes."""
        return tuple(change for change in self.changes if isinstance(change, Copy | Replace))
