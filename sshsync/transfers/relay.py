"""Relay: the controller streams from parent to child through its own connections; nothing is spooled."""

from collections.abc import Iterable, Iterator, Sequence

from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import Load, Part, Span
from sshsync.transfers.pack import pack
from sshsync.transfers.streams import Streams, check_source
from sshsync.transports.base import PIECE


class Relay:
    """The default strategy; see `Strategy`."""

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Stream the load: a command on the parent and one on the child; several of each for one big file."""
        if isinstance(load, Part):
            Streams(load, ends, kept).bring(spans)
            return
        words, names = ends.source.capabilities.names([span.key for span in spans])
        read = Command(scripts.READ, {"ROOT": ends.source_root, **words})
        unpack = Command(scripts.UNPACK, {"ROOT": ends.target_root, "BATCH": load.attempt.encode()})
        with (
            ends.turn(),
            ends.passage(load) as way,
            ends.source.start(way.reading(read), names, ahead=ends.ahead) as source,
            ends.target.start(way.writing(unpack)) as target,
        ):
            for piece in _joined(pack(load.changes, _counted(way.pieces(source), ends))):
                way.write(target, piece)
            way.close(target)
            target.finish().check("receiving files")
            check_source(source)
        for span in spans:
            kept(span)


def _counted(pieces: Iterator[bytes], ends: Ends) -> Iterator[bytes]:
    for piece in pieces:
        ends.check()
        ends.moved(len(piece))
        yield piece


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
