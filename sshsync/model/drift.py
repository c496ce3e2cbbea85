"""Drift: what differs among repositories that should hold the same, none of which is the parent of the others."""

from dataclasses import dataclass

from sshsync.model.item import Key
from sshsync.model.row import Digest

Names = tuple[str, ...]
"""Names of repositories, in the order in which they were asked."""


@dataclass(frozen=True, slots=True)
class Version:
    """What some repositories hold of an item.

    Attributes:
        newest: the type of its items has an order, and it is the last one of those that were found.
    """

    digest: Digest
    holders: Names
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    """Repositories of which nobody can say what they hold of an item, with the reason."""

    why: str
    holders: Names


@dataclass(frozen=True, slots=True)
class Row:
    """One item that is not the same everywhere, or of which that cannot be told.

    Attributes:
        versions: what was found, oldest first where there is an order, else the one that most have last.
        missing: who could be asked, takes part, and has none.
    """

    key: Key
    versions: tuple[Version, ...] = ()
    missing: Names = ()
    unsure: tuple[Unsure, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether it is known to differ."""
        return len(self.versions) > 1 or bool(self.versions and self.missing)


@dataclass(frozen=True, slots=True)
class Unasked:
    """A repository that could not be looked at: it is missing nothing, nobody knows what it has."""

    name: str
    why: str
    transient: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """How repositories of one type stand to each other.

    Attributes:
        names: who was asked.
        against: the one that the others are held against, "" where all are equals.
        items: how many different ones were found.
        rows: those of them that are not known to be the same everywhere.
        unasked: who did not answer.
        at: the controller's time when the last answer came.
    """

    type: str
    names: Names
    against: str
    items: int
    rows: tuple[Row, ...]
    unasked: tuple[Unasked, ...]
    at: float

    @property
    def differing(self) -> int:
        """Items that are known to differ."""
        return sum(row.differs for row in self.rows)
