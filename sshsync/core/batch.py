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
    """How a batch lies in staging: a directory of final paths, or one file named by its digest."""

    PACK = "pack"
    PART = "part"
    COMMAND = "command"


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
        return "command" if self.form is Form.COMMAND else "relay"

    @property
    def size(self) -> int:
        """Bytes to move."""
        return sum(change.size for change in self.changes)

    def only(self, changes: Iterable[Change]) -> "Batch":
        """Return the batch of the same form with other changes."""
        return Batch(self.form, tuple(changes))


def batches(changes: Iterable[Change], by_command: frozenset[Key], *, pack: bool) -> tuple[Batch, ...]:
    """Return all batches for the changes, in order of their keys.

    Args:
        changes: copies and replacements.
        by_command: keys that the operator's `synccmd` moves; all others go by relay.
        pack: whether the child can unpack many files from one stream.
    """
    moves = list(changes)
    command = sorted((c for c in moves if c.key in by_command), key=lambda c: c.size)
    relay = [c for c in moves if c.key not in by_command]
    small = [c for c in relay if pack and c.size < SMALL]
    big = [c for c in relay if not pack or c.size >= SMALL]
    return (
        *(Batch(Form.COMMAND, group) for group in _groups(command, COMMAND_FILES, COMMAND_BYTES)),
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
