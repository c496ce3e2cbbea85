"""A read: one command on a parent, and those who take what it prints, each at his own pace."""

import threading
from collections.abc import Callable, Iterator

from sshsync.errors import SourceChangedError, SshsyncError
from sshsync.hosts.conversation import Conversation
from sshsync.hosts.session import Session
from sshsync.model.words import complaint
from sshsync.transfers.base import SLICE, Ends
from sshsync.transfers.load import Span
from sshsync.transfers.offers import Offer, Seat, Subject, Window


class BehindError(Exception):
    """What somebody needs next is not to be had of this read any more: the others are too far ahead, or it made way."""


class Read:
    """One command on a parent. What does not say otherwise is called with the lock held.

    Args:
        lock: guards all reads.
        spans: what it reads.
        shared: tells whether others may join it.
        share: tells how many bytes are kept of a read with which others can go on from its middle.

    Attributes:
        size: bytes that it brings.
        whole: nobody can go on with it from its middle.
        reserved: bytes that are kept of it whatever else is read.
        fetching: somebody fetches the next piece.
        error: what ended it, for all of its readers.
        ended: it brought all of it, and the command ended well.
    """

    def __init__(
        self,
        lock: threading.Lock,
        spans: tuple[Span, ...],
        shared: Callable[[], bool],
        share: Callable[[], int],
    ) -> None:
        self.size = sum(span.length for span in spans)
        self.whole = False
        self.reserved = 0
        self.window = Window()
        self.changed = threading.Condition(lock)
        self.fetching = True
        self.error: BaseException | None = None
        self.ended = False
        self._spans = spans
        self._shared = shared
        self._share = share
        self._readers: set[Reader] = set()
        self._taken: dict[str, int] = {}
        self._source: Conversation | None = None
        self._session: Session | None = None
        self._began = 0.0
        self._pieces: Iterator[bytes] = iter(())
        self._release: Callable[[], None] = lambda: None

    @property
    def shared(self) -> bool:
        """Whether others may join it."""
        return self._shared()

    def fresh(self, name: str) -> bool:
        """Tell whether a child can have it from its beginning."""
        return not self.error and not self.window.tail and name not in self._taken

    def reserve(self, room: int) -> None:
        """Keep all of it, for whoever comes to the same later, if that is not more than so many bytes."""
        if self.shared and self.size <= room + self.reserved:
            self.reserved = self.size

    @property
    def whole_kept(self) -> bool:
        """Whether it is over, and all that it brought is kept."""
        return self.ended and self.shared and not self.window.tail

    @property
    def over(self) -> bool:
        """Whether its command has ended."""
        return self.ended or self.error is not None

    @property
    def idle(self) -> bool:
        """Whether nobody reads of it."""
        return not self._readers

    def offer(self, name: str) -> Offer | None:
        """Return what a child can have of it.

        Who does not get it from its beginning gets on where half of what is kept is between him and its end. Nobody
        gets the same bytes twice: who wants them again found that they are not right.
        """
        if self.error or (self.whole and not self.reserved):
            return None
        since = max(self.window.tail, self.window.head - self._share() // 2) if self.window.tail else 0
        return Offer(self._spans, max(since, self._taken.get(name, 0)), self.window.head)

    def trim(self) -> None:
        """Forget what is not kept any longer."""
        kept = self.reserved or (0 if self.whole else self._share())
        self.window.trim(kept if self.shared else 0)

    def join(self, reader: "Reader") -> None:
        """Count on a reader."""
        self._readers.add(reader)

    def leave(self, reader: "Reader") -> bool:
        """Do not count on a reader any more; tell whether he was the last one."""
        self._readers.discard(reader)
        self._taken[reader.name] = max(reader.place, self._taken.get(reader.name, 0))
        return not self._readers

    def claim(self, session: Session, since: float) -> bool:
        """Become the one who fetches, of a read over a connection that began before a moment and could be shorter."""
        lasts = self._session is session and self._began < since and not self.over
        if not lasts or self.fetching or (self.whole and not self.reserved):
            return False
        self.fetching = True
        return True

    def hurry(self) -> None:
        """End it soon, for somebody waits for its turn; called without the lock by who has claimed it."""
        if not self.whole:
            self._end(BehindError())
            return
        while self.fetch()[2]:
            with self.changed:
                if self.fetching:
                    return
                self.fetching = True

    def start(
        self,
        session: Session,
        now: float,
        start: Callable[[], Conversation],
        opened: Callable[[Conversation], Iterator[bytes]],
        release: Callable[[], None],
    ) -> None:
        """Start the command; whatever goes wrong with that, its readers are told. Called without the lock.

        Args:
            session: the parent's.
            now: seconds on the clock.
            start: starts it.
            opened: gives the bytes as they are of what it prints.
            release: gives back the turn on the parent's connection.
        """
        self._release, self._session, self._began = release, session, now
        try:
            self._source = start()
            self._pieces = opened(self._source)
        except BaseException as error:  # noqa: BLE001 - raised by every reader
            self._end(error)
            return
        with self.changed:
            self.fetching = False
            self.changed.notify_all()

    def fetch(self) -> tuple[int, int, bytes]:
        """Fetch the next piece, and return where it begins, its number, and the piece.

        Only who has set `fetching` may; called without the lock. What goes wrong is told to all readers, not raised.
        """
        start = self.window.head
        try:
            piece = next(self._pieces, b"")
            if not piece:
                self._check_end(start)
            elif start + len(piece) > self.size:
                raise SourceChangedError(f"{self._what} became longer while being read")
        except BaseException as error:  # noqa: BLE001 - raised by every reader
            self._end(error)
            return start, 0, b""
        if not piece:
            self._end(None)
            return start, 0, b""
        with self.changed:
            number = self.window.append(piece)
            self.trim()
            self.fetching = False
            self.changed.notify_all()
        return start, number, piece

    def close(self) -> None:
        """Let the command go, and give its turn back, once; called without the lock."""
        with self.changed:
            source, self._source = self._source, None
            release, self._release = self._release, lambda: None
        if source:
            source.__exit__(None, None, None)
        release()

    @property
    def _what(self) -> str:
        return "the file" if len(self._spans) == 1 else "files"

    def _check_end(self, head: int) -> None:
        """Raise when the command did not end as it should.

        Raises:
            SourceChangedError: with its words.
        """
        if source := self._source:
            reply = source.reply(b"")
            if reply.status:
                said = complaint(reply.errors, 200)
                raise SourceChangedError(f"reading it failed: {said}", where=reply.label)
        if head != self.size:
            raise SourceChangedError(f"{self._what} became shorter while being read")

    def _end(self, error: BaseException | None) -> None:
        """End it for all: what was read already they may still take. The command is gone before anybody hears of it."""
        try:
            self.close()
        finally:
            with self.changed:
                self.error, self.ended = error, error is None
                self.fetching = False
                self.changed.notify_all()


class Reader:
    """Takes what is his of a read. Made with the lock of the reads held.

    Args:
        read: what he reads of.
        subject: by which that is found.
        seat: what is his of it.
        ends: his link.

    Attributes:
        name: his child.
        spans: what he takes, one behind the other.
        place: how far he has come, in the stream of all bytes.
    """

    def __init__(self, read: Read, subject: Subject, seat: Seat, ends: Ends) -> None:
        self.read = read
        self.subject = subject
        self.name = ends.child.name
        self.spans = seat.spans
        self._ends = ends
        self.place = seat.at
        self._end = seat.at + seat.size
        self._next: tuple[int, int] | None = None
        read.join(self)

    def pieces(self) -> Iterator[bytes]:
        """Yield what is his, in order.

        Raises:
            BehindError: the others are too far ahead of him.
            HostError: the parent or the way to it failed.
            SourceChangedError: there is more or less than there should be, or the command says that it failed.
        """
        while piece := self._take():
            yield piece

    def _take(self) -> bytes:
        read = self.read
        while True:
            with read.changed:
                if piece := self._kept():
                    break
                if self._done():
                    return b""
                if mine := not read.fetching:
                    read.fetching = True
                else:
                    read.changed.wait(SLICE)
            if mine:
                start, number, fetched = read.fetch()
                if start <= self.place < start + len(fetched):
                    self._next = number + 1, 0
                    return self._passed(fetched[self.place - start :][: self._end - self.place])
            else:
                self._ends.check()
        self._ends.shared(len(piece))
        return self._passed(piece)

    def _kept(self) -> bytes:
        """Return what follows of what is kept; nothing where that is still to come."""
        window = self.read.window
        if self.place >= min(window.head, self._end):
            return b""
        if self.place < window.tail:
            raise BehindError
        number, within = self._next or window.find(self.place)
        piece = window.piece(number)[within : within + self._end - self.place]
        self._next = number + 1, 0
        return piece

    def _done(self) -> bool:
        """Tell whether nothing more is his. Who reads to the end of it waits for the word that all went well."""
        if self.place == self._end < self.read.size:
            return True
        if error := self.read.error:
            raise error.again() if isinstance(error, SshsyncError) else error
        return self.read.ended

    def _passed(self, piece: bytes) -> bytes:
        self.place += len(piece)
        return piece
