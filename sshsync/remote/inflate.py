"""What a host compressed, opened piece by piece: never more than so much at once, whatever the host may send."""

import zlib
from collections.abc import Iterator

GZIP = 31
"""What zlib calls gzip's format."""

_SPARE = 1 << 20
"""Compressed bytes that may come beside those that anything comes of: headers, and what is not complete yet."""


class DamagedError(Exception):
    """What came is not what gzip prints."""


class Inflating:
    """Opens one stream.

    Args:
        most: bytes that are given back at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._engine = zlib.decompressobj(GZIP)
        self._taken = self._given = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take the next piece and yield what it holds.

        Raises:
            DamagedError: it is damaged, or nothing comes of what came.
        """
        self._taken += len(piece)
        rest, full = piece, True
        while rest or full:
            try:
                found = self._engine.decompress(rest, self._most)
            except zlib.error as error:
                raise DamagedError(str(error)) from None
            self._given += len(found)
            full = len(found) == self._most
            if found:
                yield found
            rest = self._engine.unconsumed_tail
            if self._engine.unused_data:
                raise DamagedError("something follows its end")
        if self._taken > self._given + self._given // 16 + _SPARE:
            raise DamagedError("nothing comes of it")

    def end(self) -> None:
        """Take note that nothing comes any more.

        Raises:
            DamagedError: it ends too soon.
        """
        if not self._engine.eof:
            raise DamagedError("it ends too soon")
