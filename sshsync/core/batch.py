"""Changes become batches: what is staged, verified and published together."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sshsync.model.change import Change
from sshsync.model.item import Key

SMALL = 1 << 20
"""Files below this many bytes go many in one stream."""

PACK_BYTES = 16 << 20
PACK_FILES = 1000
COMMAND_BYTES = 1 << 30
COMMAND_FILES = 64


class Form(StrEnum):
    """How a batch travels. In staging it is a directory of final paths; a part is one file named by its digest."""

    PACK = "pack"
    PART = "part"
    COMMAND = "command"
    SCP = "scp"


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that travel together. `id` is a hash of their paths and digests, so versions never mix."""

    form: Form
    changes: tuple[Change, ...]

    @property
    def id(self) -> str:
        """Name of its directory below ``.sshsync/batch/``."""
        made = hashlib.sha256()
        for change in self.changes:
            digest = change.new.digest if change.new and change.new.digest else ""
            made.update(b"%d:%s%d:%s" % (len(change.key), change.key, len(digest), digest.encode()))
        return made.hexdigest()[:32]

    @property
    def part(self) -> str:
        """Name of the one file below ``.sshsync/part/``; "" for the other forms."""
        new = self.changes[0].new
        return new.digest.partition(":")[2] if self.form is Form.PART and new and new.digest else ""

    @property
    def strategy(self) -> str:
        """Name of the strategy that stages it."""
        return "relay" if self.form in (Form.PACK, Form.PART) else str(self.form)

    @property
    def size(self) -> int:
        """Bytes to move."""
        return sum(change.size for change in self.changes)

    def only(self, changes: Iterable[Change]) -> "Batch":
        """Return the batch of the same form with other changes."""
        return Batch(self.form, tuple(changes))


def batches(moves: Iterable[tuple[Change, str]], *, pack: bool) -> tuple[Batch, ...]:
    """Return all batches for the changes: small files first.

    Args:
        moves: copies and replacements, each with the name of the strategy that carries it.
        pack: whether the child can unpack many files from one stream.
    """
    by: dict[str, list[Change]] = {"command": [], "scp": [], "relay": []}
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


def _by_size(changes: list[Change]) -> Iterator[tuple[Change, ...]]:
    """Group files that travel one by one: big ones do not make small ones wait for their publication."""
    return _groups(sorted(changes, key=lambda change: change.size), COMMAND_FILES, COMMAND_BYTES)


def _groups(changes: list[Change], most: int, most_bytes: int) -> Iterator[tuple[Change, ...]]:
    group: list[Change] = []
    size = 0
    for change in changes:
        if group and (len(group) >= most or size + change.size > most_bytes):
            yield tuple(group)
            group, size = [], 0
        group.append(change)
        size += change.size
    if group:
        yield tuple(group)
