"""Streams: ranges of one big file, several side by side, each from a command on the parent into one on the child."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from sshsync.core.pieces import Extent
from sshsync.remote import scripts
from sshsync.remote.ranges import BLOCK, assembling, counted, reading
from sshsync.remote.scripts import Command
from sshsync.transfers.base import SLICE, Ends, Kept
from sshsync.transfers.chunks import Chunks, Ranges, grain, length_at
from sshsync.transfers.load import Part, Span
from sshsync.transfers.offers import Offer, Seat, follow, remaining
from sshsync.transfers.read import BehindError, Reader
from sshsync.transfers.reads import Opening, Reads, Wanted, subject
from sshsync.transfers.wire import Passage

LEAST = 1 << 20
"""Bytes that are worth a stream of their own."""

WINDOW = 2 << 20
"""Bytes that OpenSSH takes on one channel before it has to answer."""

MOST_STREAMS = 8
"""Streams of one file at once."""

GROWING = 2
"""The least number of streams of a file of which some comes later."""

SPOT, SPOTS, MANY = 1 << 20, 4 << 20, 2000
"""Bytes below which a range goes with others in one stream; of all that do at the most; and how many these are."""

LANES = 4
"""Connections to one host over which the streams of one file go. TCP slows a connection down for each packet that is
lost, and takes long to make up for it where the way is long: several lose less together than one."""

FASTEST = 200_000_000
"""Bytes a second that streams should not be what limits them: about what one controller encrypts and decrypts."""


def useful(size: int, round_trip: float, chunk: int, asked: int = 0) -> int:
    """Return how many streams bring a file soonest.

    A stream brings one `WINDOW` a round trip at the most. So near hosts get one stream, and far ones as many as it
    takes for `FASTEST`. Chunks that got shorter tell of a link that breaks: each stream loses what it has under way
    then, so there are fewer of them.

    Args:
        size: bytes to bring.
        round_trip: seconds that a question and its answer take.
        chunk: bytes of a chunk at most.
        asked: how many somebody wants, whatever the round trip; 0 for nobody.
    """
    return max(1, min(asked or math.ceil(round_trip * FASTEST / WINDOW), MOST_STREAMS, size // LEAST, chunk // WINDOW))


def shares(size: int, streams: int) -> int:
    """Return in how many portions each of several streams brings its share of so many bytes.

    Where packets are lost one stream takes twice as long as another: who has ended brings what another would have had.
    """
    return 2 if streams > 1 and size >= streams * LEAST * 3 // 2 else 1


def portions(spans: Sequence[Span], streams: int) -> list[Span]:
    """Return ranges in as many portions as there are streams, or more where the ranges are not connected."""
    if streams == 1:
        return list(spans)
    total = sum(span.length for span in spans)
    each = max(LEAST, -(-total // (streams * BLOCK)) * BLOCK)
    found = []
    for span in spans:
        at, end = span.offset, span.offset + span.length
        while at < end:
            upto = end if end - at < each * 3 // 2 else (at + each) // BLOCK * BLOCK
            found.append(Span(span.key, at, upto - at))
            at = upto
    return found


def connected(spans: Sequence[Span]) -> list[Span]:
    """Return ranges with those joined that follow each other without a gap."""
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last and (last.key, last.offset + last.length) == (span.key, span.offset):
            found[-1] = Span(last.key, last.offset, last.length + span.length)
        else:
            found.append(span)
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
        reads: what of the parent is read for other children, too.
    """

    def __init__(self, load: Part, ends: Ends, kept: Kept, reads: Reads) -> None:
        self._load = load
        self._reads = reads
        self._able = all("dd" in end.capabilities.tools for end in (ends.source, ends.target))
        self._jumps = self._able
        self._ends = replace(ends, check=self._check)
        self._stop = ends.check
        self._kept = kept
        self._work: deque[Span] = deque()
        self._started = 0
        self._began = ends.clock()
        self._sent = 0
        self._failed = threading.Event()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._keeping = threading.Lock()
        self._came = threading.Condition(self._lock)
        self._complete = ends.more is None

    def bring(self, spans: Sequence[Span]) -> None:
        """Bring the ranges.

        Raises:
            HostError: a host or the way to it failed: the first failure of any stream.
            SourceChangedError: the file is shorter than it was.
        """
        ends = self._ends
        # Without dd nobody steps into the middle of a file.
        size = sum(span.length for span in spans)
        count = useful(size, ends.round_trip, ends.chunk, ends.streams) if self._able else 1
        others = self._reads.running(subject(self._load, ends)) if self._able and not ends.streams else 0
        if count <= 2 * others:
            # Who reads what others read does so in as many streams as they do.
            count = min(others, max(1, ends.chunk // WINDOW))
        # A file of no bytes is one that a receiver of nothing makes.
        found = portions(spans, count * shares(size, count)) or [Span(self._load.change.key, 0, 0)]
        self._work.extend(found)
        # Of what comes later one stream opens commands for some while another brings what came before.
        count = max(count, GROWING) if ends.more and not ends.streams else min(count, len(found))
        if count == 1 and self._complete:
            self._carry(0)
            return
        with ThreadPoolExecutor(count + 1, "sshsync-stream") as pool:
            running = [pool.submit(self._carry, number) for number in range(count)]
            if more := ends.more:
                running.append(pool.submit(self._gather, more))
            for one in running:
                one.exception()
        errors = [error for one in running if (error := one.exception())]
        real = [error for error in errors if not isinstance(error, _OtherFailed)]
        if errors:
            raise (real or errors)[0]

    def _check(self) -> None:
        self._stop()
        if self._failed.is_set():
            raise _OtherFailed

    def _carry(self, stream: int) -> None:
        try:
            ends = self._ends.along(stream % LANES)
            while not self._failed.is_set():
                complete = self._await_work()
                way = ends.passage(self._load)
                with self._reads.reading(ends, self._wanted(ends, way)) as reader:
                    if reader:
                        self._one(reader, ends, way)
                    elif complete:
                        return
        except BaseException:
            self._failed.set()
            raise

    def _await_work(self) -> bool:
        """Wait for what comes later, if nothing else is left to bring; tell whether nothing more comes."""
        with self._came:
            while not self._work and not self._complete:
                self._check()
                self._came.wait(SLICE)
            return self._complete

    def _gather(self, more: Callable[[Callable[[], None]], Sequence[Span]]) -> None:
        """Take note of what comes later, as it comes."""
        try:
            while found := more(self._check):
                with self._came:
                    self._work = deque(connected([*self._work, *found]))
                    self._came.notify_all()
        except BaseException:
            self._failed.set()
            raise
        finally:
            with self._came:
                self._complete = True
                self._came.notify_all()

    def _wanted(self, ends: Ends, way: Passage) -> Wanted:
        return Wanted(subject(self._load, ends), self._follow, self._take, lambda: self._begin(ends, way))

    def _follow(self, offer: Offer) -> Seat | None:
        """Return what of a read that is under way this part can do with."""
        with self._lock:
            return follow(offer, self._work, jump=self._jumps)

    def _take(self, seat: Seat) -> None:
        with self._lock:
            self._work = deque(remaining(self._work, seat.spans))

    def _begin(self, ends: Ends, way: Passage) -> Opening | None:
        """Return what to read next."""
        with self._lock:
            spans = self._next()
        if not spans:
            return None
        root, able = ends.source_root, ends.source.capabilities
        # One byte more than there should be tells of a file that became longer.
        more = spans[-1].offset + spans[-1].length == self._load.size
        asked = [(span.key, Extent(span.offset, span.length + (more and span is spans[-1]))) for span in spans]
        read, lines = reading(root, asked)
        if "dd" not in able.tools:
            words, lines = able.names([span.key for span in spans])
            read = Command(scripts.READ, {"ROOT": root, **words})
        whole = len(spans) > 1 or not self._able
        return Opening(
            Seat(0, tuple(spans)), way.reading(read), lines, whole=whole, opened=way.opened, ahead=ends.ahead
        )

    def _next(self) -> list[Span]:
        """Take what to bring next; of small ranges no more than a cut may cost."""
        rate = self._sent / max(0.001, self._ends.clock() - self._began)
        most = min(SPOTS, length_at(0, rate, self._ends.chunk))
        found = [self._work.popleft() for _ in range(together(tuple(islice(self._work, MANY)), most))]
        upto = self._ends.wire.most(self._load, self._ends.packers) if found else 0
        if upto and found[-1].length > upto:
            key, offset, length = found[-1].key, found[-1].offset, found[-1].length
            found[-1] = Span(key, offset, upto)
            self._work.appendleft(Span(key, offset + upto, length - upto))
        return found

    def _one(self, reader: Reader, ends: Ends, way: Passage) -> None:
        with self._lock:
            self._started += 1
            number = self._started
        spans = reader.spans
        write, head = self._receiver(number, spans)
        chunks = Ranges((span.length, self._chunks(span)) for span in spans if ends.chunks)
        with way, ends.target.start(way.writing(write)) as target:
            way.write(target, head)
            came = 0
            try:
                for piece in self._counted(way.pieces(reader.pieces())):
                    chunks.take(piece)
                    way.write(target, piece)
                    came += len(piece)
            except BehindError:
                spans = self._fell_behind(spans, came)
            way.close(target)
            target.finish().check("receiving files")
        with self._keeping:
            for span in spans:
                self._kept(span)

    def _fell_behind(self, spans: Sequence[Span], came: int) -> tuple[Span, ...]:
        """Leave the rest of a range for another read, and return what has come of it.

        From now on nothing is left out to be with the others: they are too fast.
        """
        span = spans[0]
        with self._lock:
            self._jumps = False
            self._work.appendleft(Span(span.key, span.offset + came, span.length - came))
        return (Span(span.key, span.offset, came),) if came else ()

    def _chunks(self, span: Span) -> Chunks:
        ends = self._ends
        return Chunks(span, ends.chunks, ends.sent, ends.clock, grain(ends.chunk))

    def _receiver(self, number: int, spans: Sequence[Span]) -> tuple[Command, bytes]:
        """Return what takes ranges, and how its input begins: one goes straight into its place."""
        root, part, writer = self._ends.target_root, self._load.name.encode(), b"%d" % number
        if len(spans) > 1:
            extents = [Extent(span.offset, span.length) for span in spans]
            return assembling(root, part, writer, extents, self._ends.target.capabilities.cutters)
        blocks, rest = counted(spans[0].offset).split()
        variables = {"ROOT": root, "PART": part, "WRITER": writer, "BLOCKS": blocks, "REST": rest}
        return Command(scripts.STORE, variables), b""

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._check()
            # Whoever counts need not know of threads.
            with self._telling:
                self._ends.moved(len(piece))
                self._sent += len(piece)
            yield piece


class _OtherFailed(Exception):
    """Another stream failed; its failure is the one to tell of."""
