"""Answers that come compressed: opened piece by piece for whoever reads them."""

from sshsync.errors import CommandError
from sshsync.kinds.base import Reader
from sshsync.remote.frame import MOST_ANSWER
from sshsync.remote.inflate import DamagedError, Inflating

_PIECE = 1 << 18


class Inflated:
    """Opens an answer for its reader; see `Reader`. It may not become longer than one that comes as it is.

    Args:
        reader: takes what was compressed.
        tool: what compressed it.
        name: the repository that is told of.

    Attributes:
        damaged: what is wrong with it, in words; nothing that the reader took counts then.
    """

    def __init__(self, reader: Reader, tool: str, name: str) -> None:
        self._reader = reader
        self._tool = tool
        self._name = name
        self.begin()

    def begin(self) -> None:
        """See `Reader`."""
        self._reader.begin()
        self._stream = Inflating(self._tool, _PIECE)
        self._size = 0
        self._came = False
        self.damaged = ""

    def feed(self, piece: bytes) -> None:
        """See `Reader`. What is damaged raises nothing: whoever asked may ask again without compressing."""
        self._came = True
        if self.damaged:
            return
        try:
            for plain in self._stream.feed(piece):
                self._size += len(plain)
                if self._size > MOST_ANSWER:
                    raise CommandError("list: it answers without end", where=self._name)
                self._reader.feed(plain)
        except DamagedError as error:
            self.damaged = str(error)

    def end(self, status: int) -> None:
        """Take note that all of it came, and how the script ended: one that failed may have printed nothing."""
        try:
            if not self.damaged and (self._came or not status):
                self._stream.end()
        except DamagedError as error:
            self.damaged = str(error)
