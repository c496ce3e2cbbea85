"""Reads: one command on a parent serves all children that want the same bytes at about the same time.

Nobody reads on behalf of the others: whoever needs the next piece and finds none fetches it, leaves it for a while to
the others, and wakes those who wait for it. So a read is as fast as the fastest of its readers, and what one of them
waits for at his child costs the others nothing. Who falls farther behind than what is kept goes on by himself.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from sshsync.hosts.conversation import Conversation
from sshsync.hosts.session import Session
from sshsync.model.change import Transfer
from sshsync.remote.scripts import Command
from sshsync.transfers.base import SLICE, Ends
from sshsync.transfers.load import Load
from sshsync.transfers.offers import Content, Offer, Seat, Subject
from sshsync.transfers.read import Read, Reader

KEPT = 48 << 20
"""Bytes that are kept for readers who are behind, of all reads together."""

LEAST_KEPT = 1 << 20
"""Bytes that are kept of each read for others to join, however many reads there are."""


TURN = 10.0
"""Seconds after which a read makes way for somebody who waits for a turn: three slow children must not keep a parent
from all others."""

AHEAD = 1000
"""Loads that are looked at for one that a sibling reads just now."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A read that nobody has begun yet: a seat for whoever begins it, and the command on the parent.

    Attributes:
        whole: nobody can go on with it from its middle: who joins it has to get all of it.
        opened: gives the bytes as they are of what the command prints.
        ahead: bytes that the parent may send before they are read; 0 for as many as are good for speed.
    """

    seat: Seat
    command: Command
    stdin: bytes
    whole: bool = False
    opened: Callable[[Conversation], Iterator[bytes]] = Conversation.pieces
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to read. None of this may ask the reads for anything: they are locked meanwhile.

    Attributes:
        subject: by which those are known who want the same.
        follow: tells what of an offer is of use now.
        take: told what is going to be had of one.
        begin: returns what is read when there is nothing to join; None when nothing is wanted any more.
    """

    subject: Subject
    follow: Callable[[Offer], Seat | None]
    take: Callable[[Seat], None]
    begin: Callable[[], Opening | None]


def subject(load: Load, ends: Ends) -> Subject:
    """Return by what others are known who want the same as a load."""
    return Subject(ends.parent.name, ends.source_root, tuple(map(_wanted, load.changes)))


def _wanted(change: Transfer) -> Content:
    return change.key, change.new.digest, change.size


class Reads:
    """All reads of one run in one process. Safe to use from several threads.

    Args:
        kept: bytes that are kept for readers who are behind, of all reads together.
        least: bytes that are kept of each read for others to join, however many reads there are.
    """

    def __init__(self, kept: int = KEPT, least: int = LEAST_KEPT) -> None:
        self._kept = kept
        self._least = least
        self._lock = threading.Lock()
        self._share = kept
        self._running: dict[Subject, list[Read]] = {}
        self._children: defaultdict[str, set[str]] = defaultdict(set)

    def expect(self, parent: str, child: str) -> None:
        """Count on a child: what is read of a parent with several of them is kept for a while."""
        with self._lock:
            self._children[parent].add(child)

    def first(self, parent: str, root: bytes, child: str, loads: Iterable[Load]) -> int:
        """Return the number of the load, of the next ones that a child needs, that it should have first.

        That is one which is read for another child just now, or was a moment ago, if there is such; else the next one.
        """
        with self._lock:
            near = {
                subject.wanted[0]
                for subject, reads in self._running.items()
                if (subject.parent, subject.root) == (parent, root) and any(read.fresh(child) for read in reads)
            }
        if not near:
            return 0
        some = enumerate(islice(loads, AHEAD))
        return next((number for number, load in some if _wanted(load.changes[0]) in near), 0)

    @contextmanager
    def reading(self, ends: Ends, wanted: Wanted) -> Iterator[Reader | None]:
        """Give a reader, of a read that is under way or of a new one, and a turn on the child's connection.

        A read has a turn on the parent's connection as long as its command runs, whoever reads. Nobody waits for that
        turn while he has the other one, but in the one order that everybody keeps; so no two wait for each other.

        Yields:
            The reader; None when nothing is wanted.
        """
        with ExitStack() as stack:
            yield self._reader(ends, wanted, stack)

    def running(self, subject: Subject) -> int:
        """Return how many ranges of a content are being read now."""
        with self._lock:
            return sum(1 for read in self._running.get(subject, ()) if not read.whole and not read.over)

    def _reader(self, ends: Ends, wanted: Wanted, stack: ExitStack) -> Reader | None:
        """Return a reader; when the stack is left, so is the read, and then the turn is given back."""
        while True:
            if self._joins(ends, wanted):
                with closing(_Turns(ends, self._make_way)) as turns:
                    turns.take([ends.target], lambda: False)
                    with self._lock:
                        reader = self._joined(ends, wanted)
                    if reader:
                        stack.callback(turns.hand_over(ends.target))
                        stack.callback(self._leave, reader)
                        return reader
            with closing(_Turns(ends, self._make_way)) as turns:
                if turns.take(ends.sessions, lambda: self._joins(ends, wanted)):
                    return self._begun(ends, wanted, turns, stack)

    def _joins(self, ends: Ends, wanted: Wanted) -> bool:
        """Tell whether there is something to join."""
        with self._lock:
            return self._found(ends, wanted) is not None

    def _found(self, ends: Ends, wanted: Wanted) -> tuple[Read, Seat] | None:
        if ends.source is ends.target:
            # Each turn is one for both ends then: a read that others go on with would outlive it.
            return None
        for read in self._running.get(wanted.subject, ()):
            offer = read.offer(ends.child.name)
            seat = wanted.follow(offer) if offer else None
            if seat:
                return read, seat
        return None

    def _joined(self, ends: Ends, wanted: Wanted) -> Reader | None:
        found = self._found(ends, wanted)
        if found is None:
            return None
        read, seat = found
        wanted.take(seat)
        return Reader(read, wanted.subject, seat, ends)

    def _begun(self, ends: Ends, wanted: Wanted, turns: "_Turns", stack: ExitStack) -> Reader | None:
        """Begin a read, or join one after all that somebody has begun meanwhile."""
        stack.callback(turns.hand_over(ends.target))
        with self._lock:
            reader = self._joined(ends, wanted)
            opening = None if reader else wanted.begin()
            if opening:
                reader = Reader(self._new(ends, wanted, opening), wanted.subject, opening.seat, ends)
        if reader:
            stack.callback(self._leave, reader)
        if reader and opening:
            start = partial(ends.source.start, opening.command, opening.stdin, ahead=opening.ahead)
            reader.read.start(ends.source, ends.clock(), start, opening.opened, turns.hand_over(ends.source))
        return reader

    def _make_way(self, session: Session, now: float) -> None:
        """Have a read over a connection that lasts for long, and of which nobody fetches just now, give its turn back.

        Its readers go on by another one. One that cannot be gone on with from its middle is fetched to its end.
        """
        with self._lock:
            found = next((read for read in self._all() if read.claim(session, now - TURN)), None)
        if found:
            found.hurry()

    def _new(self, ends: Ends, wanted: Wanted, opening: Opening) -> Read:
        alone = ends.source is ends.target
        # Whoever fetched already may be alone no longer.
        children = {ends.child.name} if alone else self._children[ends.parent.name]
        read = Read(self._lock, opening.seat.spans, lambda: len(children) > 1, lambda: self._share)
        read.whole = opening.whole
        if opening.whole:
            self._evict(read.size)
            read.reserve(self._room)
        if not alone:
            self._running.setdefault(wanted.subject, []).append(read)
            self._divide()
        return read

    def _leave(self, reader: Reader) -> None:
        read = reader.read
        with self._lock:
            last = read.leave(reader)
            if last:
                self._drop(read)
                if read.whole_kept:
                    self._keep(reader.subject, read)
                self._divide()
        if last:
            read.close()

    def _keep(self, subject: Subject, read: Read) -> None:
        """Keep what was read in full for those who come later to the same, as long as there is room."""
        read.reserved = 0
        self._evict(read.size)
        read.reserve(self._room)
        if read.reserved:
            self._running.setdefault(subject, []).append(read)

    def _evict(self, size: int) -> None:
        """Make room for so many bytes that are reserved, by what nobody reads now: the oldest first."""
        for read in [read for read in self._all() if read.idle]:
            if self._room < size <= self._kept // 2:
                self._drop(read)

    def _drop(self, read: Read) -> None:
        for subject, reads in list(self._running.items()):
            if read in reads:
                reads.remove(read)
            if not reads:
                del self._running[subject]

    @property
    def _room(self) -> int:
        """Bytes that may still be reserved: all in all half of what is kept."""
        return self._kept // 2 - self._reserved

    @property
    def _reserved(self) -> int:
        return sum(read.reserved for read in self._all())

    def _divide(self) -> None:
        """Find out how many bytes are kept of each read with which others can go on from its middle."""
        sharing = sum(1 for read in self._all() if read.shared and not read.whole and not read.reserved)
        self._share = max(self._least, (self._kept - self._reserved) // max(1, sharing))
        for read in self._all():
            read.trim()

    def _all(self) -> Iterator[Read]:
        return (read for reads in self._running.values() for read in reads)


class _Turns:
    """Turns on the connections of a link.

    Args:
        ends: the link.
        wait: called now and then while none is to be had on a connection, with that and the time.
    """

    def __init__(self, ends: Ends, wait: Callable[[Session, float], None]) -> None:
        self._ends = ends
        self._wait = wait
        self._held: dict[Session, Callable[[], None]] = {}

    def take(self, sessions: Iterable[Session], enough: Callable[[], bool]) -> bool:
        """Wait for turns.

        Args:
            sessions: where; several in the order that everybody keeps.
            enough: looked at now and then while none is to be had: whether they are not needed any more.

        Returns:
            Whether all were taken.
        """
        for session in sessions:
            while not session.relays.acquire(timeout=SLICE):
                self._ends.check()
                self._wait(session, self._ends.clock())
                if enough():
                    return False
            self._held[session] = session.relays.release
        return True

    def hand_over(self, session: Session) -> Callable[[], None]:
        """Return what gives a turn back, for whoever does that now."""
        return self._held.pop(session, lambda: None)

    def close(self) -> None:
        """Give back what nobody has taken over."""
        while self._held:
            self._held.popitem()[1]()
