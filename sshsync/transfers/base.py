"""The seam: a strategy brings the bytes of a load into the child's staging directory, and nothing more."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from sshsync.hosts.session import Session
from sshsync.model.item import Key
from sshsync.model.row import Digest
from sshsync.model.topology import Repository
from sshsync.remote import packing
from sshsync.transfers.load import Load, Span
from sshsync.transfers.wire import Passage, Wire

SLICE = 0.5
"""Seconds that pass at the most before somebody who waits for his turn notices a signal."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a link, ready to talk.

    Attributes:
        source_root, target_root: the resolved roots.
        moved: told of bytes of files as they come.
        check: raises when the run has to end.
        complain: takes what a host said about one item; used when that item turns out not to have arrived.
        streams: how many ranges of one file go side by side; 0 for as many as are of use.
        lane: gives sessions with both hosts over one of several connections, by its number.
        chunks: the algorithm by which what is sent is digested chunk by chunk; "" for not at all.
        chunk: bytes that a cut may cost beside what is under way.
        more: waits for ranges that can only be had later than those that were asked for, and returns them; none when
            nothing more comes. It is given what raises when the waiting has to end. None where all can be had at once.
        sent: told of each such chunk as it has gone over the wire, whether it arrives or not.
        clock: seconds that never jump.
        wire: how what goes through the controller goes: at what pace, and whether it is compressed.
        shared: told of bytes among those that moved which were read from the parent for a sibling already.
    """

    parent: Repository
    child: Repository
    source: Session
    target: Session
    source_root: bytes
    target_root: bytes
    moved: Callable[[int], None] = lambda _count: None
    check: Callable[[], None] = lambda: None
    complain: Callable[[Key, str], None] = lambda _key, _words: None
    streams: int = 1
    lane: Callable[[int], tuple[Session, Session]] | None = None
    chunks: str = ""
    chunk: int = 16 << 20
    more: Callable[[Callable[[], None]], Sequence[Span]] | None = None
    sent: Callable[[Span, Digest], None] = lambda _span, _digest: None
    clock: Callable[[], float] = time.monotonic
    wire: Wire = field(default_factory=Wire)
    shared: Callable[[int], None] = lambda _count: None

    @property
    def sessions(self) -> list[Session]:
        """Both sessions, or the one that leads to both ends, in the order in which everybody waits for turns."""
        return sorted({self.source, self.target}, key=id)

    @property
    def round_trip(self) -> float:
        """Seconds that a question and its answer take at the least, at the end that is farther away."""
        return max(self.source.round_trip, self.target.round_trip)

    @property
    def packers(self) -> tuple[str, str]:
        """The tools by which parent and child compress, and open what is compressed; "" where there is none."""
        source, target = (packing.best(end.capabilities.tools) for end in (self.source, self.target))
        return source, target

    @property
    def ahead(self) -> int:
        """Bytes that the parent may send before they are read; 0 for as many as are good for speed."""
        return self.wire.pace.ahead(self.source.round_trip)

    def passage(self, load: Load) -> Passage:
        """Return how bytes of a load go from a command on the parent to one on the child."""
        return self.wire.passage(load, self.packers)

    def along(self, number: int) -> "Ends":
        """Return the same ends over another lane; lane 0 is this one.

        Raises:
            HostError: a host cannot be reached at all.
        """
        if not number or not self.lane:
            return self
        source, target = self.lane(number)
        return replace(self, source=source, target=target)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn on both connections, always in the same order, so that no two wait for each other.

        There is no deadline: whoever has a turn makes progress or is given up. A signal ends the waiting.
        """
        with ExitStack() as stack:
            for session in self.sessions:
                stack.enter_context(held(session.relays, self.check))
            yield


@contextmanager
def held(turns: threading.Semaphore, check: Callable[[], None]) -> Iterator[None]:
    """Hold one of so many turns, however long that takes; `check` is called meanwhile and may raise."""
    while not turns.acquire(timeout=SLICE):
        check()
    try:
        yield
    finally:
        turns.release()


Kept = Callable[[Span], None]
"""Told of each span that lies in staging, closed: no program of the strategy's will write there any more."""


class Strategy(Protocol):
    """Moves ranges of bytes.

    It leaves them where the load lies below ``.sshsync/`` on the child, or raises. It never makes a file visible and
    never trusts what it moved: whoever asked verifies what it says it kept. Safe to repeat.
    """

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Bring spans of a load into staging.

        Args:
            load: how the files lie there.
            spans: what is wanted of them: all of each file, in the order of the load's changes; of a `Part` any ranges.
            ends: both hosts.
            kept: told of each span as it is kept. One that is not told of did not arrive.

        Raises:
            HostError: a host or the way to it failed.
            SourceChangedError: a file was not what the scan saw.
        """
        ...
