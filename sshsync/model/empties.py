"""Directories: what a repository has of them, and those with nothing in them that are made and removed on a child."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Empties:
    """Directories with nothing in them.

    Attributes:
        make: those that are to be there, each before what is below it.
        remove: those that are to be gone, each behind what is below it.
    """

    make: tuple[bytes, ...] = ()
    remove: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.make) + len(self.remove)


NO_EMPTIES = Empties()


@dataclass(frozen=True, slots=True)
class Directories:
    """What a repository has of directories, its own one and staging left out.

    Attributes:
        all: every one.
        empty: those of them with nothing in them.
    """

    all: frozenset[bytes]
    empty: frozenset[bytes]

    def after(self, came: Iterable[bytes], empties: Empties) -> "Directories":
        """Return what there is after some items came, and some directories.

        Those that became empty by what went count as they were before: most are gone with it.
        """
        filled = {place for key in (*came, *empties.make) for place in above(key)}
        everything = self.all.difference(empties.remove).union(filled, empties.make)
        return Directories(everything, self.empty.difference(empties.remove).union(empties.make) - filled)


def above(key: bytes) -> Iterator[bytes]:
    """Yield the directories that a path is in, the topmost first; none for one at the top."""
    at = key.find(b"/")
    while at >= 0:
        yield key[:at]
        at = key.find(b"/", at + 1)
