"""Relay: the controller streams from parent to child through its own connections; nothing is spooled."""

from collections.abc import Iterable, Iterator, Sequence

from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import Load, Part, Span
from sshsync.transfers.offers import Offer, Seat
from sshsync.transfers.pack import pack
from sshsync.transfers.reads import Opening, Reads, Wanted, subject
from sshsync.transfers.streams import Streams
from sshsync.transfers.wire import Passage
from sshsync.transports.base import PIECE


class Relay:
    """The default strategy; see `Strategy`. What several children want of a parent is read once.

    Args:
        reads: what is being read of the parents.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Stream the load: a command on the parent and one on the child; several of each for one big file."""
        if isinstance(load, Part):
            Streams(load, ends, kept, self._reads).bring(spans)
            return
        unpack = Command(scripts.UNPACK, {"ROOT": ends.target_root, "BATCH": load.attempt.encode()})
        way = ends.passage(load)
        with (
            self._reads.reading(ends, _wanted(load, spans, ends, way)) as reader,
            way,
            ends.target.start(way.writing(unpack)) as target,
        ):
            pieces = way.pieces(reader.pieces() if reader else iter(()))
            for piece in _joined(pack(load.changes, _counted(pieces, ends))):
                way.write(target, piece)
            way.close(target)
            target.finish().check("receiving files")
        for span in spans:
            kept(span)


def _wanted(load: Load, spans: Sequence[Span], ends: Ends, way: Passage) -> Wanted:
    """Return how files are read that go many in one stream: all of them or none, from the first to the last byte."""
    seat, able = Seat(0, tuple(spans)), ends.source.capabilities

    def follow(offer: Offer) -> Seat | None:
        return seat if offer.spans == seat.spans and not offer.since else None

    def begin() -> Opening:
        words, names = able.names([span.key for span in spans])
        read = way.reading(Command(scripts.READ, {"ROOT": ends.source_root, **words}))
        return Opening(seat, read, names, whole=True, opened=way.opened, ahead=ends.ahead)

    return Wanted(subject(load, ends), follow, lambda _seat: None, begin)


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
