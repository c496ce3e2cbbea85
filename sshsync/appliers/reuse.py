"""Reuse: many small files whose contents the child has already, under other names, are copied there and not sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sshsync.errors import CommandError, StorageFullError
from sshsync.model.change import Transfer
from sshsync.model.item import Digest, Item, Key
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import PACK_BYTES, PACK_FILES, SMALL, Batch, Load, Loose, Span, groups

REUSE = "reuse"
"""The strategy's name."""


@dataclass(frozen=True, slots=True)
class Twins(Loose):
    """Files that are copied from others of the child.

    Attributes:
        sources: by each file the one with the same content.
    """

    sources: Mapping[Key, Item] = field(default_factory=dict)

    @property
    def unlike(self) -> "Twins":
        """The load with those changes only whose mode or time is not that of the copied file: copies keep both."""
        return self.only(c for c in self.changes if c.new.marks != self.sources[c.key].marks)


def twins(changes: Iterable[Transfer], held: Mapping[Key, Item]) -> dict[Key, Item]:
    """Return, of small files that are lacking, those of the child with the same content."""
    wanted = {c.new.digest for c in changes if 0 < c.size < SMALL and c.new.digest}
    there: dict[Digest, Item] = {}
    if wanted:
        there = {item.digest: item for item in held.values() if item.digest in wanted and item.digest}
    found = ((c.key, there.get(c.new.digest or "")) for c in changes)
    return {key: item for key, item in found if item is not None and item.key != key}


def reused(changes: Sequence[Transfer], sources: Mapping[Key, Item]) -> list[Batch]:
    """Return batches of the changes that have a source."""
    able = (change for change in changes if change.key in sources)
    return [
        Batch(REUSE, Twins(group, sources={c.key: sources[c.key] for c in group}))
        # The slowest disk copies as much in a few seconds: nobody takes that silence for the end of a connection.
        for group in groups(able, PACK_FILES, PACK_BYTES)
    ]


class Reuse:
    """See `Strategy`: nothing goes over the wire. What cannot be copied is not kept, and is sent then."""

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Have the child copy its own files."""
        sources = load.sources if isinstance(load, Twins) else {}
        lines = b"".join(b"T%s\nF%s\n" % (encode.name(span.key), encode.name(sources[span.key].key)) for span in spans)
        command = Command(scripts.REUSE, {"ROOT": ends.target_root, "BATCH": load.attempt.encode()})
        try:
            ends.target.run(command, lines, allow=60.0 + len(spans) / 10).check("copying what is there already")
        except StorageFullError:
            raise
        except CommandError:
            return
        for span in spans:
            kept(span)
