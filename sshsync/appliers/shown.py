"""Shown: what a child's own children can read of its parts while these are written."""

from collections.abc import Callable, Iterable

from sshsync.appliers.growing import Growing
from sshsync.appliers.staging import PARTS
from sshsync.core.pieces import Extent
from sshsync.model.item import Key
from sshsync.model.row import Digest
from sshsync.transfers.load import Part


class Shown:
    """Keeps what is to be seen of each part.

    Args:
        note: told of a file of which more can be seen; None where nobody follows.
    """

    def __init__(self, note: Callable[[Key, object], None] | None) -> None:
        self._tell = note
        self._growing: dict[tuple[Key, Digest], Growing] = {}

    def lies(self, load: Part) -> None:
        """Tell where a part lies."""
        self._note(load, lambda growing: growing.lies(PARTS + b"/" + load.name.encode()))

    def sent(self, load: Part, extent: Extent, digest: str) -> None:
        """Tell of a chunk that was sent, with its digest in hexadecimal."""
        self._note(load, lambda growing: growing.sent(extent, digest))

    def right(self, load: Part, extents: Iterable[Extent]) -> None:
        """Tell of ranges that are known to be right."""
        if found := list(extents):
            self._note(load, lambda growing: growing.right(found))

    def lost(self, load: Part) -> None:
        """Have forgotten what was told."""
        if growing := self._growing.get((load.change.key, load.change.new.digest or "")):
            growing.lost()

    def _note(self, load: Part, change: Callable[[Growing], None]) -> None:
        if self._tell:
            key, digest = load.change.key, load.change.new.digest or ""
            growing = self._growing.setdefault((key, digest), Growing(digest))
            change(growing)
            self._tell(key, growing)
