"""What goes through a move: batches that were brought, and files that wait for their publication."""

from collections.abc import Iterator
from dataclasses import dataclass

from sshsync.model.change import Transfer
from sshsync.model.item import Key
from sshsync.transfers.load import Batch, Load, Span


@dataclass(frozen=True, slots=True)
class Fetched:
    """A batch that was brought, as far as it went.

    Attributes:
        load: how it lies in staging.
        kept: what lies there, closed.
        broken: why it broke off, where that is because of some of its files; "" where it did not.
        sent: bytes of files that were sent for it.
    """

    batch: Batch
    load: Load
    kept: tuple[Span, ...] = ()
    broken: str = ""
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Staged:
    """Files that lie verified in staging, and become visible together.

    Attributes:
        in_the_way: listed files of the child that have to go before these can be published.
        salvaged: an earlier run had moved their bytes.
    """

    loads: tuple[Load, ...]
    in_the_way: tuple[Key, ...] = ()
    salvaged: bool = False

    @property
    def changes(self) -> Iterator[Transfer]:
        """The changes of all loads."""
        return (change for load in self.loads for change in load.changes)
