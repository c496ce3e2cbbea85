"""Streams: ranges of one big file, several side by side, each from a command on the parent into one on the child."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from sshsync.core.pieces import Extent
from sshsync.errors import SourceChangedError
from sshsync.hosts.conversation import Conversation
from sshsync.model.words import visible
from sshsync.remote import scripts
from sshsync.remote.ranges import BLOCK, assembling, counted, reading
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.chunks import Chunks, Ranges, length_at
from sshsync.transfers.load import Part, Span

LEAST = 8 << 20
"""Bytes that are worth a stream of their own."""

MOST_STREAMS = 8
"""Streams of one file at once."""

SPOT, SPOTS, MANY = 1 << 20, 4 << 20, 2000
"""Bytes below which a range goes with others in one stream; of all that do at the most; and how many these are."""


def portions(spans: Sequence[Span], streams: int) -> list[Span]:
    """Return ranges in as many portions as there are streams, or more where the ranges are not connected."""
    total = sum(span.length for span in spans)
    each = max(LEAST, -(-total // (streams * BLOCK)) * BLOCK) if streams > 1 else total
    found = []
    for span in spans:
        at, end = span.offset, span.offset + span.length
        while at < end:
            upto = end if end - at < each + LEAST else (at + each) // BLOCK * BLOCK
            found.append(Span(span.key, at, upto - at))
            at = upto
    return found


def together(spans: Sequence[Span], most: int) -> int:
    """Return how many of the first ranges go in one stream: small ones, of so many bytes in all, or one of any size."""
    count, total = 0, 0
    for span in spans:
        total += span.length
        if count and (span.length >= SPOT or total > most):
            break
        count += 1
        if span.length >= SPOT:
            break
    return count


class Streams:
    """Brings ranges of one file into its part.

    Args:
        load: the part.
        ends: both hosts.
        kept: told of each portion once the program that wrote it has ended.
    """

    def __init__(self, load: Part, ends: Ends, kept: Kept) -> None:
        self._load = load
        self._ends = ends
        self._kept = kept
        self._work: deque[Span] = deque()
        self._started = 0
        self._began = ends.clock()
        self._sent = 0
        self._failed = threading.Event()
        self._lock = threading.Lock()

    def bring(self, spans: Sequence[Span]) -> None:
        """Bring the ranges.

        Raises:
            HostError: a host or the way to it failed: the first failure of any stream.
            SourceChangedError: the file is shorter than it was.
        """
        # A file of no bytes is one that a receiver of nothing makes.
        found = portions(spans, self._ends.streams) or [Span(self._load.change.key, 0, 0)]
        self._work.extend(found)
        count = min(self._ends.streams, len(found))
        if count == 1:
            self._carry()
            return
        with ThreadPoolExecutor(count, "sshsync-stream") as pool:
            running = [pool.submit(self._carry) for _ in range(count)]
            for one in running:
                one.exception()
        errors = [error for one in running if (error := one.exception())]
        real = [error for error in errors if not isinstance(error, _OtherFailed)]
        if errors:
            raise (real or errors)[0]

    def _carry(self) -> None:
        try:
            while not self._failed.is_set():
                with self._lock:
                    number, spans = self._next()
                if not spans:
                    return
                self._one(number, spans)
        except BaseException:
            self._failed.set()
            raise

    def _next(self) -> tuple[int, list[Span]]:
        """Return what to bring next, with a number of its own; of small ranges no more than a cut may cost."""
        rate = self._sent / max(0.001, self._ends.clock() - self._began)
        most = min(SPOTS, length_at(0, rate, self._ends.chunk))
        self._started += 1
        return self._started, [self._work.popleft() for _ in range(together(tuple(islice(self._work, MANY)), most))]

    def _one(self, number: int, spans: Sequence[Span]) -> None:
        ends = self._ends
        # One byte more than there should be tells of a file that became longer.
        more = spans[-1].offset + spans[-1].length == self._load.size
        asked = [(span.key, Extent(span.offset, span.length + (more and span is spans[-1]))) for span in spans]
        read, lines = reading(ends.source_root, asked)
        write, head = self._receiver(number, spans)
        chunks = Ranges((span.length, self._chunks(span)) for span in spans if ends.chunks)
        with ends.turn(), ends.source.start(read, lines) as source, ends.target.start(write) as target:
            target.write(head)
            for piece in self._pieces(source, sum(span.length for span in spans)):
                chunks.take(piece)
                target.write(piece)
            target.finish().check("receiving files")
            check_source(source)
        with self._lock:
            for span in spans:
                self._kept(span)

    def _chunks(self, span: Span) -> Chunks:
        ends = self._ends
        return Chunks(span, ends.chunks, ends.sent, ends.clock, ends.chunk)

    def _receiver(self, number: int, spans: Sequence[Span]) -> tuple[Command, bytes]:
        """Return what takes ranges, and how its input begins: one goes straight into its place."""
        root, part, writer = self._ends.target_root, self._load.name.encode(), b"%d" % number
        if len(spans) > 1:
            extents = [Extent(span.offset, span.length) for span in spans]
            return assembling(root, part, writer, extents, self._ends.target.capabilities.cutters)
        blocks, rest = counted(spans[0].offset).split()
        variables = {"ROOT": root, "PART": part, "WRITER": writer, "BLOCKS": blocks, "REST": rest}
        return Command(scripts.STORE, variables), b""

    def _pieces(self, source: Conversation, length: int) -> Iterator[bytes]:
        for piece in source.pieces():
            self._ends.check()
            if self._failed.is_set():
                raise _OtherFailed
            self._ends.moved(len(piece))
            self._sent += len(piece)
            length -= len(piece)
            if length < 0:
                raise SourceChangedError("the file became longer while it was read")
            yield piece
        if length:
            raise SourceChangedError("the file became shorter while it was read")


class _OtherFailed(Exception):
    """Another stream failed; its failure is the one to tell of."""


def check_source(source: Conversation) -> None:
    """Raise when the command that read has failed.

    Raises:
        SourceChangedError: with its words.
    """
    reply = source.reply(b"")
    if reply.status:
        said = visible(reply.errors.strip(), 200)
        raise SourceChangedError(f"reading it failed: {said}", where=reply.label)
