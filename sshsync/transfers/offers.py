"""Offers: what of a read that is under way somebody else may still have, and the bytes of it that are kept for him."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sshsync.model.item import Key
from sshsync.model.row import Digest
from sshsync.remote.ranges import BLOCK
from sshsync.transfers.load import Span

WORTH = 1 << 20
"""Bytes for which it pays to join a read."""


Content = tuple[Key, Digest | None, int]
"""A file's name, digest and size."""


class Subject(NamedTuple):
    """What somebody wants: contents, by name, digest and size, and where they are."""

    parent: str
    root: bytes
    wanted: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A read that others may join, at a place in the stream of its bytes.

    Attributes:
        spans: what it reads, one behind the other.
        since: the first place from which it can be followed.
        head: how far it has come: nobody waits for what is farther away.
    """

    spans: tuple[Span, ...]
    since: int
    head: int


@dataclass(frozen=True, slots=True)
class Seat:
    """What somebody takes of a read, and where in the stream of its bytes that begins."""

    at: int
    spans: tuple[Span, ...]

    @property
    def size(self) -> int:
        """Bytes that are taken."""
        return sum(span.length for span in self.spans)


def follow(offer: Offer, wanted: Sequence[Span], *, jump: bool) -> Seat | None:
    """Return what somebody takes of a read who joins it now; None where that does not pay.

    Args:
        offer: the read.
        wanted: what he still needs; no two of these ranges have a byte in common.
        jump: he may begin in the middle of a range: its beginning he gets later.
    """
    at = 0
    for number, span in enumerate(offer.spans):
        if at > offer.head:
            break
        first = span.offset + max(0, offer.since - at)
        for one in wanted:
            begin = _begin(one, span, first, jump=jump)
            if begin is None or at + begin - span.offset >= offer.head + BLOCK:
                continue
            end = min(one.offset + one.length, span.offset + span.length)
            taken = [Span(span.key, begin, end - begin)]
            if end == span.offset + span.length:
                taken += _behind(offer.spans[number + 1 :], wanted)
            seat = Seat(at + begin - span.offset, tuple(taken))
            if seat.size >= min(WORTH, one.length):
                return seat
        at += span.length
    return None


def _begin(wanted: Span, read: Span, first: int, *, jump: bool) -> int | None:
    """Return where what is wanted begins in a range that is read from `first` on; None where it does not."""
    if wanted.key != read.key or not wanted.length:
        return None
    begin = wanted.offset
    if begin < first:
        begin = -(-first // BLOCK) * BLOCK
        if not jump:
            return None
    return begin if begin < min(wanted.offset + wanted.length, read.offset + read.length) else None


def _behind(spans: Sequence[Span], wanted: Sequence[Span]) -> list[Span]:
    """Return of ranges that follow those that are wanted as they are, up to the first that is not."""
    if not spans:
        return []
    known = set(wanted)
    found = []
    for span in spans:
        if span not in known:
            break
        found.append(span)
    return found


def remaining(wanted: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """Return what is still wanted after ranges were taken, each of which lies within one that was wanted."""
    known = set(taken)
    found = [span for span in wanted if span not in known]
    for one in known.difference(wanted):
        end = _end(one)
        number = next(n for n, span in enumerate(found) if span.offset <= one.offset and end <= _end(span))
        whole = found[number]
        rests = (Span(whole.key, whole.offset, one.offset - whole.offset), Span(whole.key, end, _end(whole) - end))
        found[number : number + 1] = [rest for rest in rests if rest.length]
    return found


def _end(span: Span) -> int:
    return span.offset + span.length


class Window:
    """The last bytes of a stream, piece by piece.

    Attributes:
        tail, head: the places in the stream where what is kept begins and ends.
    """

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._first = 0
        self.tail = 0
        self.head = 0

    def append(self, piece: bytes) -> int:
        """Take what follows, and return the number of the piece."""
        self._pieces.append(piece)
        self.head += len(piece)
        return self._first + len(self._pieces) - 1

    def trim(self, most: int) -> None:
        """Forget the oldest pieces, so that no more than so many bytes are kept."""
        while self.head - self.tail > most:
            self.tail += len(self._pieces.popleft())
            self._first += 1

    def find(self, place: int) -> tuple[int, int]:
        """Return the number of the piece in which a place is that is kept, and where in it.

        Raises:
            ValueError: it is not kept.
        """
        start = self.tail
        for number, piece in enumerate(self._pieces, self._first):
            if start <= place < start + len(piece):
                return number, place - start
            start += len(piece)
        raise ValueError(place)

    def piece(self, number: int) -> bytes:
        """Return a piece that is kept."""
        return self._pieces[number - self._first]
