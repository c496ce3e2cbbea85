"""Reuse: many small files whose contents the child has already, under other names, are copied there and not sent."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sshsync.core.chunks import Copy
from sshsync.errors import CommandError, StorageFullError
from sshsync.model.change import Transfer
from sshsync.model.item import Item, Key
from sshsync.model.row import Digest
from sshsync.remote import encode, scripts
from sshsync.remote.ranges import making
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import PACK_BYTES, PACK_FILES, SMALL, Batch, Loose, Span, groups
from sshsync.transfers.load import Load as AnyLoad

REUSE = "reuse"
"""The strategy's name."""


@dataclass(frozen=True, slots=True)
class Made(Loose):
    """Files that are made on the child of what it has. One that does not come out right is sent as a whole.

    Attributes:
        sources: by each file the one of the child that it is made of.
        marked: they get their modes and times as they are made.
    """

    sources: Mapping[Key, Item] = field(default_factory=dict)
    marked: bool = True


@dataclass(frozen=True, slots=True)
class Twins(Made):
    """Files that are copied from others of the child."""

    @property
    def unlike(self) -> "Twins":
        """The load with those changes only whose mode or time is not that of the copied file: copies keep both."""
        return self.only(c for c in self.changes if c.new.marks != self.sources[c.key].marks)


def twins(changes: Iterable[Transfer], held: Mapping[Key, Item]) -> dict[Key, Item]:
    """Return, of small files that are lacking, those of the child with the same content."""
    small = [c for c in changes if 0 < c.size < SMALL and c.new.digest]
    there: dict[Digest, Item] = {}
    if small and held:
        # In a first copy all is lacking, and nothing is there: a million digests need not be held for that.
        wanted = {c.new.digest for c in small}
        there = {item.digest: item for item in held.values() if item.digest in wanted and item.digest}
    found = ((c.key, there.get(c.new.digest or "")) for c in small)
    return {key: item for key, item in found if item is not None and item.key != key}


def reused(changes: Sequence[Transfer], sources: Mapping[Key, Item], *, marked: bool) -> list[Batch]:
    """Return batches of the changes that have a source.

    Args:
        marked: whether the child has a program that copies them, and sets modes and times.
    """
    able = (change for change in changes if change.key in sources)
    return [
        Batch(REUSE, Twins(group, sources={c.key: sources[c.key] for c in group}, marked=marked))
        # The slowest disk copies as much in a few seconds: nobody takes that silence for the end of a connection.
        for group in groups(able, PACK_FILES, PACK_BYTES)
    ]


def made(make: Callable[[], object], spans: Iterable[Span], kept: Kept) -> None:
    """Have files made on the child, and keep them; what it cannot do costs nothing, but for a disk that is full.

    Raises:
        StorageFullError: no other way would find room either.
        HostError: the connection was lost.
    """
    try:
        make()
    except StorageFullError:
        raise
    except CommandError:
        return
    for span in spans:
        kept(span)


class Reuse:
    """See `Strategy`: nothing goes over the wire. What cannot be copied is not kept, and is sent then."""

    def fetch(self, load: AnyLoad, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Have the child copy its own files."""
        if not isinstance(load, Twins):
            return
        command, lines = _by_program(load, ends) if load.marked else _by_shell(load, ends)

        def copy() -> None:
            allow = 60.0 + len(spans) / 10
            ends.target.run(command, lines, allow=allow).check("copying what is there already")

        made(copy, spans, kept)


def _by_program(load: Twins, ends: Ends) -> tuple[Command, bytes]:
    """Return what has a program copy, one process for all."""
    copies = ((c.new, (Copy(0, c.size, load.sources[c.key].key, 0),)) for c in load.changes)
    return making(ends.target_root, load.attempt.encode(), copies, ends.target.capabilities.cutters)


def _by_shell(load: Twins, ends: Ends) -> tuple[Command, bytes]:
    """Return what has the shell copy, a process for each."""
    pairs = ((encode.name(c.key), encode.name(load.sources[c.key].key)) for c in load.changes)
    lines = b"".join(b"T%s\nF%s\n" % pair for pair in pairs)
    return Command(scripts.REUSE, {"ROOT": ends.target_root, "BATCH": load.attempt.encode()}), lines
