"""Loads: how changes lie in staging while they travel together; and batches: loads with the strategy that brings them.

How a load lies and who carries it are two things: a strategy is asked for spans of bytes of a load of any layout.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from sshsync.model.change import Transfer
from sshsync.model.item import Key
from sshsync.model.row import Digest
from sshsync.model.words import visible

SMALL = 1 << 20
"""Files below this many bytes go many in one stream."""

PACK_BYTES = 16 << 20
PACK_FILES = 1000
LOOSE_BYTES = 1 << 30
LOOSE_FILES = 64

PACKED = "relay"
"""The strategy whose small files come in packs; with any other they come one by one."""

STREAMED = (PACKED, "direct")
"""The strategies whose big files come in parts."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes of one file."""

    key: Key
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Load:
    """Changes that are staged, verified and published together, as files in a directory of their own.

    Attributes:
        attempt: the name under which they are staged; every attempt has one that no other ever had.
    """

    changes: tuple[Transfer, ...]
    attempt: str = "none"

    @property
    def place(self) -> str:
        """Where it lies, below ``.sshsync/``."""
        return f"batch/{self.attempt}"

    @property
    def places(self) -> tuple[str, ...]:
        """Every name below ``.sshsync/`` that this attempt may have left something under; marks of writers go along."""
        return (self.place,)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(change.size for change in self.changes)

    @property
    def spans(self) -> tuple[Span, ...]:
        """All of every file."""
        return tuple(Span(change.key, 0, change.size) for change in self.changes)

    def only(self, changes: Iterable[Transfer]) -> Self:
        """Return the load as it lies at the same place with other changes."""
        return replace(self, changes=tuple(changes))

    def at(self, attempt: str) -> Self:
        """Return the load as it is staged by another attempt."""
        return replace(self, attempt=attempt)


@dataclass(frozen=True, slots=True)
class Loose(Load):
    """Files that come one by one."""


@dataclass(frozen=True, slots=True)
class Pack(Load):
    """Many small files that come in one stream, with their modes and times.

    Attributes:
        strays: files that lie there beside the changes of the load: they are not to become visible.
    """

    strays: tuple[Key, ...] = ()

    def only(self, changes: Iterable[Transfer]) -> Self:
        """Return the load as it lies at the same place with other changes; those left out are strays there."""
        kept = tuple(changes)
        keys = {change.key for change in kept}
        return replace(self, changes=kept, strays=(*self.strays, *(c.key for c in self.changes if c.key not in keys)))

    def at(self, attempt: str) -> Self:
        """Return the load as it is staged by another attempt."""
        return replace(self, attempt=attempt, strays=())


@dataclass(frozen=True, slots=True)
class Part(Load):
    """One big file; its name in staging is made of its digest, so that it is known again whatever run it belongs to."""

    @property
    def change(self) -> Transfer:
        """The one change."""
        return self.changes[0]

    @property
    def name(self) -> str:
        """Name of the file below ``.sshsync/part/``."""
        return f"{hexadecimal(self.change.new.digest or '')}.{self.attempt}"

    @property
    def place(self) -> str:
        """Where it lies, below ``.sshsync/``."""
        return f"part/{self.name}"

    @property
    def places(self) -> tuple[str, ...]:
        """Every name below ``.sshsync/`` that this attempt may have left something under."""
        return (f"batch/{self.attempt}", self.place)


@dataclass(frozen=True, slots=True)
class Batch:
    """A load, and the name of the strategy that brings it."""

    strategy: str
    load: Load

    @property
    def changes(self) -> tuple[Transfer, ...]:
        """The changes of the load."""
        return self.load.changes

    @property
    def subject(self) -> str:
        """What it is about, for people: its first item, and how many more there are."""
        first = visible(self.changes[0].key, 120)
        return first if len(self.changes) == 1 else f"{first} and {len(self.changes) - 1} more"

    def only(self, changes: Iterable[Transfer]) -> "Batch":
        """Return the batch with other changes."""
        return replace(self, load=self.load.only(changes))


def hexadecimal(digest: Digest) -> str:
    """Return a digest without the name of its algorithm."""
    return digest.partition(":")[2]


def halves(batch: Batch) -> tuple[Batch, ...]:
    """Return the batch in two, to find out which of its changes spoils it; as it is when it holds one only."""
    middle = len(batch.changes) // 2
    return (batch.only(batch.changes[:middle]), batch.only(batch.changes[middle:])) if middle else (batch,)


def batches(moves: Iterable[tuple[Transfer, str]], *, pack: bool) -> tuple[Batch, ...]:
    """Return all batches for the changes: small files first.

    Args:
        moves: copies and replacements, each with the name of the strategy that carries it.
        pack: whether the child can unpack many files from one stream.
    """
    by: dict[str, list[Transfer]] = {}
    for change, strategy in moves:
        by.setdefault(strategy, []).append(change)
    small: list[Batch] = []
    big: list[Batch] = []
    for name in STREAMED:
        streamed, layout = by.pop(name, []), Pack if name == PACKED else Loose
        most = SMALL if pack or name != PACKED else 0
        fit = [change for change in streamed if change.size < most]
        small += (Batch(name, layout(group)) for group in groups(fit, PACK_FILES, PACK_BYTES))
        big += (Batch(name, Part((change,))) for change in streamed if change.size >= most)
    loose = (Batch(strategy, Loose(group)) for strategy in sorted(by) for group in _by_size(by[strategy]))
    return (*loose, *small, *big)


def above(key: Key) -> Iterator[Key]:
    """Yield the directories that a path is in, the topmost first; none for one at the top."""
    at = key.find(b"/")
    while at >= 0:
        yield key[:at]
        at = key.find(b"/", at + 1)


def units(load: Load, present: Collection[Key]) -> dict[Key, list[Key]]:
    """Return the names whose renaming makes a load visible, each with the files that come with it.

    Args:
        load: what is staged.
        present: directories that the child has, as far as is known.

    Guarantees:
        A name is that of a file, or of a directory that is not among those present and holds nothing in staging but
        files of the load, in which case none of these stands for itself.
    """
    packed = isinstance(load, Pack)
    closed = {directory for stray in load.strays for directory in above(stray)} if isinstance(load, Pack) else set()
    found: dict[Key, list[Key]] = {}
    for change in load.changes:
        fresh = (place for place in above(change.key) if place not in present and place not in closed) if packed else ()
        found.setdefault(next(iter(fresh), change.key), []).append(change.key)
    return found


def by_directory(keys: Iterable[Key]) -> Iterator[tuple[Key, list[Key]]]:
    """Yield (directory, base names), "." for the root, both sorted: the unit in which files are published."""
    grouped: dict[Key, list[Key]] = {}
    for key in sorted(keys):
        directory, _, base = key.rpartition(b"/")
        grouped.setdefault(directory or b".", []).append(base)
    yield from grouped.items()


def _by_size(changes: list[Transfer]) -> Iterator[tuple[Transfer, ...]]:
    """Group files that travel one by one: big ones do not make small ones wait for their publication."""
    return groups(sorted(changes, key=lambda change: change.size), LOOSE_FILES, LOOSE_BYTES)


def groups(changes: Iterable[Transfer], most: int, most_bytes: int) -> Iterator[tuple[Transfer, ...]]:
    """Yield changes in groups of so many at the most, and of so many bytes unless one alone has more."""
    group: list[Transfer] = []
    size = 0
    for change in changes:
        if group and (len(group) >= most or size + change.size > most_bytes):
            yield tuple(group)
            group, size = [], 0
        group.append(change)
        size += change.size
    if group:
        yield tuple(group)
