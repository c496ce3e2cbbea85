"""Relay: the controller streams from parent to child through its own connections; nothing is spooled."""

from collections.abc import Iterable, Iterator, Sequence

from sshsync.errors import SourceChangedError
from sshsync.hosts.conversation import Conversation
from sshsync.model.words import visible
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import Load, Pack, Part, Span
from sshsync.transfers.pack import pack
from sshsync.transports.base import PIECE


class Relay:
    """The default strategy; see `Strategy`."""

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Stream the load: one command on the parent, one on the child, whatever the number of files."""
        command = _receiver(load, ends)
        words, names = ends.source.capabilities.names([span.key for span in spans])
        read = Command(scripts.READ, {"ROOT": ends.source_root, **words})
        with ends.turn(), ends.source.start(read, names) as source, ends.target.start(command) as target:
            pieces = _counted(source.pieces(), ends)
            stream = pack(load.changes, pieces) if isinstance(load, Pack) else _exactly(pieces, load.size)
            for piece in _joined(stream):
                target.write(piece)
            target.finish().check("receiving files")
            _check_source(source)
        for span in spans:
            kept(span)


def _receiver(load: Load, ends: Ends) -> Command:
    if isinstance(load, Part):
        return Command(scripts.STORE, {"ROOT": ends.target_root, "PART": load.name.encode()})
    return Command(scripts.UNPACK, {"ROOT": ends.target_root, "BATCH": load.attempt.encode()})


def _counted(pieces: Iterator[bytes], ends: Ends) -> Iterator[bytes]:
    for piece in pieces:
        ends.check()
        ends.moved(len(piece))
        yield piece


def _exactly(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    for piece in pieces:
        size -= len(piece)
        if size < 0:
            raise SourceChangedError("the file became longer while it was read")
        yield piece
    if size:
        raise SourceChangedError("the file became shorter while it was read")


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces (headers, padding) so that each write is worth its cost."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _check_source(source: Conversation) -> None:
    reply = source.reply(b"")
    if reply.status:
        said = visible(reply.errors.strip(), 200)
        raise SourceChangedError(f"reading it failed: {said}", where=reply.label)
