"""Chunks: digests of what is sent, so that after a cut nobody has to read again what already lies there."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable

from sshsync.model.row import Digest
from sshsync.transfers.load import Span

LEAST, MOST = 64 << 10, 16 << 20
"""Bytes of a chunk."""

SECONDS = 2.0
"""What may be lost at a cut beside what was under way: as much as that time brings."""

PROMPT = 0.1
"""The same of what the controller sends itself; who reads what arrives gets it so much later than it came."""

GRAINS = 4
"""What a cut may cost is digested in so many chunks on a link that broke: the last one is lost, and no more."""


def shorter(most: int, kept: int) -> int:
    """Return how long chunks may be after a cut, so that something is kept however often the link breaks.

    Args:
        most: how long they were allowed to be.
        kept: bytes that came to be kept between the cut and what was before it.
    """
    return max(LEAST, min(most // 2, 1 << (kept // 8).bit_length() - 1) if kept >= 8 else most // 8)


def grain(most: int) -> int:
    """Return how long a chunk is at the most where a cut may cost so many bytes; shorter once a cut showed that."""
    return most if most >= MOST else max(LEAST, most // GRAINS)


def length_at(offset: int, rate: float, most: int = MOST, seconds: float = SECONDS) -> int:
    """Return the length of the chunk that begins at an offset: what some seconds bring at a rate in bytes a second.

    It is a power of two between `LEAST` and `most` that divides the offset, so that any tool can step to it, and chunks
    can grow as fast as the file does. An offset that even the least does not divide is followed by a chunk up to the
    next one that it does.
    """
    if offset % LEAST:
        return LEAST - offset % LEAST
    length = LEAST
    while length < most and length * 2 <= seconds * rate and offset % (length * 2) == 0:
        length *= 2
    return length


class Chunks:
    """Takes a range of a file as it is sent, and tells the digest of each chunk of it.

    Args:
        span: the range.
        algorithm: of the digests, as `hashlib` calls it.
        tell: takes each chunk.
        clock: seconds that never jump.
        most: bytes of a chunk at most.
    """

    def __init__(
        self,
        span: Span,
        algorithm: str,
        tell: Callable[[Span, Digest], None],
        clock: Callable[[], float],
        most: int = MOST,
    ) -> None:
        self._most = most
        self._key = span.key
        self._algorithm = algorithm
        self._tell = tell
        self._clock = clock
        self._began = clock()
        self._taken = 0
        self._begin(span.offset)

    def take(self, piece: bytes | memoryview) -> None:
        """Take what follows."""
        view = memoryview(piece)
        while view:
            part = view[: self._length - self._held]
            self._hash.update(part)
            self._held += len(part)
            self._taken += len(part)
            view = view[len(part) :]
            if self._held == self._length:
                self.end()

    def end(self) -> None:
        """Tell the chunk that has begun as it is: the range ends here."""
        if self._held:
            offset = self._offset
            self._tell(Span(self._key, offset, self._held), f"{self._algorithm}:{self._hash.hexdigest()}")
            self._begin(offset + self._held)

    def _begin(self, offset: int) -> None:
        rate = self._taken / max(0.001, self._clock() - self._began) if self._taken else 0.0
        self._offset, self._held = offset, 0
        self._length = length_at(offset, rate, self._most, PROMPT)
        self._hash = hashlib.new(self._algorithm, usedforsecurity=False)


class Ranges:
    """Takes several ranges as they are sent, one behind the other.

    Args:
        chunks: what takes each range, and how long that is.
    """

    def __init__(self, chunks: Iterable[tuple[int, Chunks]]) -> None:
        self._chunks = deque(chunks)
        self._left = self._chunks[0][0] if self._chunks else 0

    def take(self, piece: bytes) -> None:
        """Take what follows."""
        view = memoryview(piece)
        while view and self._chunks:
            part = view[: self._left]
            self._chunks[0][1].take(part)
            self._left -= len(part)
            view = view[len(part) :]
            if not self._left:
                self._chunks.popleft()[1].end()
                self._left = self._chunks[0][0] if self._chunks else 0
