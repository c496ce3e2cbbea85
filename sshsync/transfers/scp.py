"""SCP: whole files, one after the other, for hosts where no script can read or write bytes.

The protocol is the scp package's; the far end is started by a script of ours like everything else, so that no
login shell gets to see a name. The parent is read by a script where it can be, else by scp too, into a spool
file of the controller.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import scp  # type: ignore[import-untyped]

from sshsync.errors import CommandError, ConnectionLostError, SourceChangedError, SshsyncError, TransferError
from sshsync.hosts.conversation import Conversation, failure
from sshsync.hosts.session import Session
from sshsync.model.words import visible
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import Load, Span
from sshsync.transports.base import PIECE

_TALK = 1 << 16
"""Bytes that the protocol takes beside those of the file, at the most."""


class ByScp:
    """The strategy of last resort; see `Strategy`.

    Args:
        spool: directory on the controller for one file at a time of a parent that only speaks SCP.
    """

    def __init__(self, spool: Path) -> None:
        self._spool = spool

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Carry the files over, each by a command of its own on either side."""
        with ends.turn():
            for span in spans:
                ends.check()
                with self._source(span, ends) as source:
                    _put(source, span, load, ends)
                    source.end()
            close = Command(scripts.CLOSE, {"ROOT": ends.target_root, "BATCH": load.attempt.encode()})
            ends.target.run(close).check("receiving files")
        for span in spans:
            kept(span)

    @contextmanager
    def _source(self, span: Span, ends: Ends) -> Iterator["_Source"]:
        if ends.source.capabilities.streams:
            read = Command(scripts.READ, {"ROOT": ends.source_root})
            with ends.source.start(read, encode.lines([span.key]), ahead=ends.ahead) as conversation:
                yield _Source(_Pieces(conversation.pieces()), span.length, ends)
            return
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="scp-", dir=self._spool, ignore_cleanup_errors=True) as directory:
            file = Path(directory, "file")
            _get(file, span, ends)
            with file.open("rb") as spooled:
                yield _Source(spooled, span.length, ends)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes."""
        ...


class _Pieces:
    """A stream of pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


class _Source:
    """A file of known size, as the scp package reads it: it must never come to its end early."""

    def __init__(self, file: _Readable, size: int, ends: Ends) -> None:
        self._file = file
        self._left = size
        self._at = 0
        self._ends = ends

    def read(self, size: int) -> bytes:
        self._ends.check()
        pace = self._ends.wire.pace
        piece = self._file.read(min(size, self._left, pace.step or size))
        if not piece:
            raise SourceChangedError("the file became shorter while it was read")
        self._left -= len(piece)
        self._at += len(piece)
        self._ends.moved(len(piece))
        pace(len(piece))
        return piece

    def tell(self) -> int:
        return self._at

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self._file.read(1):
            raise SourceChangedError("the file became longer while it was read")


class _Channel:
    """A running far end, with the part of a Paramiko transport and channel that the scp package uses.

    Args:
        conversation: the script that has become the far end.
        most: bytes that it may send: whatever files and directories it speaks of, no disk is filled by it.
    """

    def __init__(self, conversation: Conversation, most: int) -> None:
        self._conversation = conversation
        self._left = most
        self.closed = False

    def open_session(self) -> "_Channel":
        return self

    def getpeername(self) -> tuple[str, int]:
        return ("", 0)

    def exec_command(self, command: bytes) -> None:
        """The far end runs already; the words of the package are not needed."""

    def settimeout(self, seconds: float) -> None:
        """Every read and write has its deadline already."""

    def sendall(self, data: bytes | str) -> None:
        self._conversation.write(data.encode() if isinstance(data, str) else data)

    send = sendall

    def recv(self, size: int) -> bytes:
        piece = self._conversation.raw(size)
        self._left -= len(piece)
        if self._left < 0:
            raise SourceChangedError("its scp sends more than the file that was listed")
        return piece

    def recv_stderr_ready(self) -> bool:
        return False

    def shutdown_write(self) -> None:
        self._conversation.close_input()

    def recv_exit_status(self) -> int:
        """Wait until the far end has written everything and is gone."""
        while self._conversation.raw(PIECE):
            pass
        return 0

    def close(self) -> None:
        self.closed = True

    def end(self) -> None:
        """Wait until the far end is gone: after that it writes to its file no more."""
        self.shutdown_write()
        self.recv_exit_status()
        if self._conversation.cut:
            raise ConnectionLostError("scp broke off at its end")


def _put(source: _Source, span: Span, load: Load, ends: Ends) -> None:
    variables = {"ROOT": ends.target_root, "BATCH": load.attempt.encode(), "NAME": span.key}
    with _far_end(ends.target, Command(scripts.SCP_TAKE, variables), _TALK) as channel:
        scp.SCPClient(channel, PIECE).putfo(source, b"file", "0600", span.length)
        channel.end()


def _get(file: Path, span: Span, ends: Ends) -> None:
    def check(_name: bytes, _size: int, _sent: int) -> None:
        ends.check()

    command = Command(scripts.SCP_SEND, {"ROOT": ends.source_root, "NAME": span.key})
    with _far_end(ends.source, command, span.length + _TALK) as channel:
        scp.SCPClient(channel, PIECE, progress=check).get(b"file", str(file))
    if not file.is_file():
        raise TransferError("scp sent no file", where=ends.source.label)
    file.chmod(0o600)


@contextmanager
def _far_end(session: Session, command: Command, most: int) -> Iterator[_Channel]:
    """Start scp on a host, which may send `most` bytes.

    What the package raises becomes an error of ours, with the host's own words.
    """
    with session.start(command) as conversation:
        try:
            yield _Channel(conversation, most)
        except SshsyncError:
            raise
        except (scp.SCPException, AssertionError, ValueError, IndexError) as error:
            said = conversation.said.strip() or str(error.args[0] if error.args else error).encode().strip()
            if conversation.cut:
                words = f"scp broke off: {visible(said, 200)}"
                raise ConnectionLostError(words, where=session.label) from error
            raise failure(session.label, "scp", 1, said) from error
        except OSError as error:
            raise CommandError(f"the controller cannot keep what scp sends: {error}", where=session.label) from error
