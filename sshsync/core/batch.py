"""Changes become batches: what is staged, verified and published together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from sshsync.model.change import Transfer
from sshsync.model.item import Digest, Key

SMALL = 1 << 20
"""Files below this many bytes go many in one stream."""

PACK_BYTES = 16 << 20
PACK_FILES = 1000
COMMAND_BYTES = 1 << 30
COMMAND_FILES = 64


OPEN = ".open"
"""The end of a staged name that something may still write to."""


class Form(StrEnum):
    """How a batch travels. In staging it is a directory of final paths; a part is one file named by its digest."""

    PACK = "pack"
    PART = "part"
    COMMAND = "command"
    SCP = "scp"


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that travel together.

    Attributes:
        attempt: the name under which it is staged; every attempt has one that no other ever had.
    """

    form: Form
    changes: tuple[Transfer, ...]
    attempt: str = "none"

    @property
    def id(self) -> str:
        """Name of its directory below ``.sshsync/batch/``."""
        return self.attempt

    @property
    def part(self) -> str:
        """Name of the one file below ``.sshsync/part/``: its digest and the attempt; "" for the other forms."""
        digest = self.changes[0].new.digest
        return f"{hexadecimal(digest)}.{self.attempt}" if self.form is Form.PART and digest else ""

    @property
    def strategy(self) -> str:
        """Name of the strategy that stages it."""
        return "relay" if self.form in (Form.PACK, Form.PART) else str(self.form)

    @property
    def size(self) -> int:
        """Bytes to move."""
        return sum(change.size for change in self.changes)

    @property
    def places(self) -> tuple[str, ...]:
        """Every name below ``.sshsync/`` that this attempt may have left something under."""
        bases = [f"batch/{self.id}"] + ([f"part/{self.part}"] if self.part else [])
        return tuple(name for base in bases for name in (base, base + OPEN))

    def only(self, changes: Iterable[Transfer]) -> "Batch":
        """Return the batch of the same form, staged at the same place, with other changes."""
        return replace(self, changes=tuple(changes))

    def at(self, attempt: str) -> "Batch":
        """Return the batch as it is staged by another attempt."""
        return replace(self, attempt=attempt)


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
    by: dict[str, list[Transfer]] = {"command": [], "scp": [], "relay": []}
    for change, strategy in moves:
        by[strategy].append(change)
    small = [c for c in by["relay"] if pack and c.size < SMALL]
    big = [c for c in by["relay"] if not pack or c.size >= SMALL]
    return (
        *(Batch(Form.COMMAND, group) for group in _by_size(by["command"])),
        *(Batch(Form.SCP, group) for group in _by_size(by["scp"])),
        *(Batch(Form.PACK, group) for group in _groups(small, PACK_FILES, PACK_BYTES)),
        *(Batch(Form.PART, (change,)) for change in big),
    )


def by_directory(keys: Iterable[Key]) -> Iterator[tuple[Key, list[Key]]]:
    """Yield (directory, base names), "." for the root, both sorted: the unit in which files are published."""
    grouped: dict[Key, list[Key]] = {}
    for key in sorted(keys):
        directory, _, base = key.rpartition(b"/")
        grouped.setdefault(directory or b".", []).append(base)
    yield from grouped.items()


def _by_size(changes: list[Transfer]) -> Iterator[tuple[Transfer, ...]]:
    """Group files that travel one by one: big ones do not make small ones wait for their publication."""
    return _groups(sorted(changes, key=lambda change: change.size), COMMAND_FILES, COMMAND_BYTES)


def _groups(changes: list[Transfer], most: int, most_bytes: int) -> Iterator[tuple[Transfer, ...]]:
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
