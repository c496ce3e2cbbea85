"""What is known of the part of one big file in staging."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from sshsync.core.chunks import Copy
from sshsync.core.pieces import Extent, merged, without


@dataclass(slots=True)
class Standing:
    """What is known of the part of one file.

    Attributes:
        name: what it is called in the directory of parts; "" while there is none.
        names: what it may be called since as well: an answer that was lost hides whether a name was given.
        there: ranges that are known to be right.
        sent: digests of chunks that were sent and may have arrived, in hexadecimal.
        untold: those of them that are not in the journal yet.
        hinted: what is in `sent` was sent by an earlier run.
        doubted: it is to be compared with the parent's file.
        answered: the last question what of it is right was answered before the connection was lost.
        moved: bytes that were sent since it was looked at last, and are not known to have arrived.
        owed: those that were sent before.
        spent: bytes that were sent, but for those that were told to have been sent in vain.
        copies: what of it lies in other files of the child; None as long as that is not known.
        saved: bytes of it that were copied there.
        copied: ranges that were.
        wrong: its whole digest was once.
        guessed: it was doubted after something had been copied: the next time all of it is sent.
    """

    name: str = ""
    names: list[str] = field(default_factory=list)
    there: tuple[Extent, ...] = ()
    sent: dict[Extent, str] = field(default_factory=dict)
    untold: deque[tuple[int, int, str]] = field(default_factory=deque)
    hinted: bool = False
    doubted: bool = False
    answered: bool = False
    moved: int = 0
    owed: int = 0
    spent: int = 0
    copies: tuple[Copy, ...] | None = None
    saved: int = 0
    copied: tuple[Extent, ...] = ()
    wrong: bool = False
    guessed: bool = False

    @property
    def bytes(self) -> int:
        """How much of the file is there."""
        return sum(extent.length for extent in self.there)

    def settle(self, extents: Iterable[Extent]) -> None:
        """Take note that ranges are right."""
        self.there = merged([*self.there, *extents])

    def settle_copied(self, extents: Iterable[Extent]) -> None:
        """Take note that ranges were copied, and seem to be right."""
        made = tuple(extents)
        self.copied = merged([*self.copied, *made])
        self.settle(made)

    def again(self, size: int) -> int:
        """Return the bytes that were sent in vain, as comparing shows where the whole is wrong: all when none differs.

        Args:
            size: bytes of the file.
        """
        if self.wrong and self.bytes == size:
            self.there = ()
            self.untold.clear()
        if not self.wrong:
            return 0
        differing = without([Extent(0, size)], self.there)
        # What was copied and is not right was never sent; what an earlier run sent was.
        sent = without(differing, self.copied) if self.guessed else differing
        return self.vain(sum(extent.length for extent in sent))

    def vain(self, count: int) -> int:
        """Return so many bytes that were sent in vain, and take note that they are told."""
        self.spent = max(0, self.spent - count)
        return count
