"""Many small files in one stream: a tar archive (POSIX ustar with GNU long names) written by the controller."""

import tarfile
from collections.abc import Iterable, Iterator

from sshsync.errors import SourceChangedError
from sshsync.model.change import Transfer

_BLOCK = 512


def pack(changes: Iterable[Transfer], payload: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a tar archive of the files whose bytes follow each other in `payload`.

    Owners are left out; modes are masked to permissions; times are whole seconds, as near to
    the right ones as every tar can read.

    Raises:
        SourceChangedError: the payload is shorter or longer than the files together.
    """
    source = _Source(payload)
    for change in changes:
        item = change.new.portable()
        entry = tarfile.TarInfo("./" + change.key.decode("utf-8", "surrogateescape"))
        entry.size, entry.mode, entry.mtime = item.size, item.mode & 0o777, item.mtime
        yield entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        yield from source.take(item.size)
        yield b"\0" * (-item.size % _BLOCK)
    source.end()
    yield b"\0" * _BLOCK * 2


class _Source:
    """Takes exact numbers of bytes from a stream of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def take(self, count: int) -> Iterator[bytes]:
        while count:
            piece = self._rest or next(self._pieces, b"")
            if not piece:
                raise SourceChangedError("files became shorter while they were read")
            yield piece[:count]
            self._rest = piece[count:]
            count -= len(piece[:count])

    def end(self) -> None:
        if self._rest or next(self._pieces, b""):
            raise SourceChangedError("files became longer while they were read")
