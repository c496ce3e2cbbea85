"""Big files that are on their way to a parent: what of them its children can read already."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sshsync.appliers.base import Feed
from sshsync.core.pieces import Extent, merged, without
from sshsync.errors import NotComingError
from sshsync.model.item import Item, Key
from sshsync.model.row import Digest
from sshsync.model.words import visible
from sshsync.transfers.load import Span

Ask = Callable[[Key, Sequence[Extent]], dict[Extent, bytes]]
"""Asks a host for digests of ranges of a file that lies below its root; what cannot be told is left out."""

_SOON, _LATER = 0.1, 1.0
"""Seconds after which a host is asked again for what it did not have a moment ago: the first time, and the longest."""


class Growing:
    """A part, as those see it who read it while it is written. For several threads.

    Args:
        digest: of the file that it is going to be.
    """

    def __init__(self, digest: Digest) -> None:
        self.digest = digest
        self._place: Key = b""
        self._sent: dict[Extent, str] = {}
        self._right: tuple[Extent, ...] = ()
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    def lies(self, place: Key) -> None:
        """Take note of where it lies, below the root."""
        with self._lock:
            self._place = place

    def sent(self, extent: Extent, digest: str) -> None:
        """Take note of a chunk that was sent and may have arrived, with its digest in hexadecimal."""
        with self._lock:
            self._sent[extent] = digest

    def lost(self) -> None:
        """Take note that nothing of it is certain any more."""
        with self._lock:
            self._right, self._sent = (), {}

    def right(self, extents: Iterable[Extent]) -> None:
        """Take note of ranges whose digests were found to be right."""
        with self._lock:
            self._right = merged([*self._right, *extents])
            self._sent = {one: told for one, told in self._sent.items() if without([one], self._right)}

    def readable(self, missing: Sequence[Extent], ask: Ask) -> tuple[Key, list[Extent]]:
        """Return where it lies, and what of the missing ranges is known to be right there.

        Where nothing is known the host is asked for the digests of what was sent; one asks for all.
        """
        place, found = self._known(missing)
        if found or not place:
            return place, found
        with self._asking:
            place, found = self._known(missing)
            if found:
                return place, found
            with self._lock:
                sent = dict(self._sent)
            asked = [one for one in sent if without([one], without([one], missing))]
            told = ask(place, asked) if asked else {}
            self.right(one for one in asked if one in told and sent[one].startswith(told[one].hex()))
        return self._known(missing)

    def _known(self, missing: Sequence[Extent]) -> tuple[Key, list[Extent]]:
        with self._lock:
            return self._place, list(without(missing, without(missing, self._right)))


@dataclass(frozen=True, slots=True)
class Following:
    """Reads a file from a parent that receives it at the same time.

    Attributes:
        item: the file, as it is going to be.
        feed: tells what the parent has.
        growing: the parent's part.
        ask: asks the parent's host.
        check: raises when the work has to end.
        others: tells whether something else can be brought as a whole, which goes first.
    """

    item: Item
    feed: Feed
    growing: Growing
    ask: Ask
    check: Callable[[], None]
    others: Callable[[], bool]

    def readable(
        self, missing: Sequence[Extent], check: Callable[[], None] | None = None
    ) -> tuple[Key, Sequence[Extent]]:
        """Wait until some of the missing ranges can be read, and return of which file below the parent's root.

        Args:
            missing: the ranges.
            check: raises when the waiting has to end; without it the work's own does.

        Raises:
            NotComingError: the parent has given the file up, or something else can be brought first.
        """
        later = _SOON
        while True:
            version = self.feed.version
            if self.feed.holds(self.item):
                return self.item.key, missing
            if self.feed.ended:
                raise NotComingError(f"{visible(self.item.key, 200)} did not arrive at the parent")
            if self.others():
                raise NotComingError(f"{visible(self.item.key, 200)} is left for later")
            place, found = self.growing.readable(missing, self.ask)
            if found:
                return place, found
            # What was sent is there a little later than it is told of.
            self.feed.wait(version, check or self.check, later)
            later = min(_LATER, 2 * later)

    def later(self, missing: Sequence[Extent], taken: Sequence[Extent]) -> Callable[[Callable[[], None]], list[Span]]:
        """Return what waits until more of the missing ranges can be read than were taken, and gives each of them once.

        It gives none when nothing more comes. For one thread at a time.
        """
        known = list(taken)

        def more(check: Callable[[], None]) -> list[Span]:
            try:
                rest = without(missing, known)
                place, found = self.readable(rest, check) if rest else (b"", ())
            except NotComingError:
                # Whoever asks again for what is missing then is told.
                return []
            known.extend(found)
            return [Span(place, *extent) for extent in found]

        return more

    def moved(self, place: Key) -> bool:
        """Tell whether a file that could not be read may bear another name now; waits until the parent did more."""
        if place == self.item.key:
            return False
        version = self.feed.version
        if not self.feed.holds(self.item) and not self.feed.ended:
            self.feed.wait(version, self.check)
        return True
