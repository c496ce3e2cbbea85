"""What runs put aside on a repository before they replaced or deleted it, and what became of bringing it back."""

from dataclasses import dataclass

from sshsync.model.item import Item
from sshsync.model.row import Digest


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it was before a run replaced or deleted it.

    Attributes:
        run: name of that run.
        item: what it is, without a digest.
    """

    run: str
    item: Item


@dataclass(frozen=True, slots=True)
class Restored:
    """A kept item that was to be brought back.

    Attributes:
        digest: of what is in its place now, verified there; "" where it was not brought back.
        expected: at which it was published before it was put aside, by what is on record; "" where that is not known.
        aside: name under which what stood in its place is kept now; "" where nothing did.
        reason: why it was not brought back, "" when it was.
    """

    kept: Kept
    digest: Digest = ""
    expected: Digest = ""
    aside: str = ""
    reason: str = ""
