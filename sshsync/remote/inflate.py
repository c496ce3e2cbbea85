"""What a host compressed, opened piece by piece: never more than so much at once, whatever the host may send."""

from collections.abc import Iterator

from sshsync.remote import packing

_SPARE = 1 << 20
"""Compressed bytes that may come beside those that anything comes of: headers, and what is not complete yet."""


class DamagedError(Exception):
    """What came is not what the tool prints."""


class Inflating:
    """Opens one stream.

    Args:
        tool: what made it; see `packing.TOOLS`.
        most: bytes that are given back at once.
    """

    def __init__(self, tool: str, most: int) -> None:
        self._most = most
        self._engine = packing.unpacker(tool)
        self._taken = self._given = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take the next piece and yield what it holds.

        Raises:
            DamagedError: it is damaged, or nothing comes of what came.
        """
        self._taken += len(piece)
        behind, full = self._engine.eof and piece, True
        while full and not self._engine.eof:
            try:
                found = self._engine.decompress(piece, self._most)
            except packing.Damages as error:
                raise DamagedError(str(error)) from None
            self._given += len(found)
            piece, full = b"", len(found) == self._most
            if found:
                yield found
        if behind or self._engine.unused_data:
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
