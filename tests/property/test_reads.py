"""Laws of shared reads: whoever comes when, falls behind, dies, and whatever breaks, everybody gets the right bytes or an error."""

import random
import tempfile
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.errors import SshsyncError
from sshsync.hosts.session import Session
from sshsync.remote.ranges import BLOCK, reading
from sshsync.core.pieces import Extent
from sshsync.transfers.load import Part, Span
from sshsync.transfers.offers import Offer, Seat, Window, follow, remaining
from sshsync.transfers.read import BehindError
from sshsync.transfers.reads import Opening, Reads, Wanted, subject
from sshsync.transports.memory import Fault
from tests.shares import Family, Trickle

CHILDREN = 4
PIECE = BLOCK // 2
SIZE = 40 * BLOCK + 321
CONTENT = random.Random(3).randbytes(SIZE)


@dataclass
class Child:
    """Takes a file range by range, one piece at each step."""

    name: str
    family: Family
    reads: Reads
    work: list[Span]
    got: bytearray = field(default_factory=lambda: bytearray(SIZE))
    behind: bool = False
    whole: bool = False

    def steps(self) -> Generator[None, None, None]:
        load = self.family.load(Part, self.name, b"big")
        while self.work:
            ends = self.family.ends(self.name)
            wanted = Wanted(subject(load, ends), self.follow, self.take, lambda: self.begin(b"/m"))
            with self.reads.reading(ends, wanted) as reader:
                assert reader
                (span,) = reader.spans
                at = span.offset
                try:
                    for piece in reader.pieces():
                        self.got[at : at + len(piece)] = piece
                        at += len(piece)
                        self.family.moved[self.name] += len(piece)
                        yield
                except BehindError:
                    assert not self.whole, "what has no middle is kept for whoever joined"
                    self.behind = True
                except SshsyncError:
                    self.again(span, at)
                    raise
                self.again(span, at)

    def again(self, span: Span, at: int) -> None:
        if at < span.offset + span.length:
            at = 0 if self.whole else at
            self.work.insert(0, Span(span.key, at, span.offset + span.length - at))

    def follow(self, offer: Offer) -> Seat | None:
        if self.whole:
            return None if offer.since or offer.spans != tuple(self.work) else Seat(0, offer.spans)
        return follow(offer, self.work, jump=not self.behind)

    def take(self, seat: Seat) -> None:
        self.work = remaining(self.work, seat.spans)

    def begin(self, root: bytes) -> Opening:
        span = self.work.pop(0)
        more = span.offset + span.length == SIZE
        return Opening(Seat(0, (span,)), *reading(root, [(span.key, Extent(span.offset, span.length + more))]), whole=self.whole)


STEPS = st.lists(st.tuples(st.integers(0, CHILDREN - 1), st.integers(1, 60)), max_size=60)
DEATHS = st.dictionaries(st.integers(0, CHILDREN - 1), st.integers(0, 59), max_size=CHILDREN - 1)
FAULTS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, SIZE)), max_size=2)


@settings(max_examples=80)
@given(STEPS, DEATHS, FAULTS, st.sampled_from([2, 8, 20, 82, 200]), st.booleans())
def test_whatever_happens_everybody_gets_the_right_bytes_and_the_parent_sends_no_more_than_it_must(
    steps: list[tuple[int, int]], deaths: dict[int, int], faults: list[tuple[int, int]], kept: int, whole: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        family = Family(Path(directory), {b"big": CONTENT}, CHILDREN, PIECE)
        reads = family.reads(kept * BLOCK, BLOCK)
        family.parent.faults += [Fault("lose", "ranges", nth=nth, after=after) for nth, after in faults]
        lines = [connected(family)]
        children = [Child(name, family, reads, [Span(b"big", 0, SIZE)], whole=whole) for name in family.hosts]
        going = {number: child.steps() for number, child in enumerate(children)}
        failures, killed = 0, set[int]()

        def walk(number: int, count: int) -> None:
            nonlocal failures
            for _ in range(count):
                if number not in going:
                    break
                try:
                    next(going[number])
                except StopIteration:
                    del going[number]
                except SshsyncError:
                    failures += 1
                    if not family.line.alive:
                        lines.append(connected(family))
                    going[number] = children[number].steps()

        for turn, (number, count) in enumerate(steps):
            for dead in [one for one, at in deaths.items() if at == turn and one in going]:
                going.pop(dead).close()
                killed.add(dead)
            walk(number, count)
        while going:
            for number in list(going):
                walk(number, 3)

        total = sum(line.sent for line in lines)
        for number, child in enumerate(children):
            assert number in killed or child.got == CONTENT
        pulled = sum(family.moved.values()) - sum(family.shared.values())
        assert pulled <= total <= CHILDREN * SIZE + (family.commands + failures) * (PIECE + 1000) + failures * SIZE
        if not killed and not failures and kept * BLOCK // 2 >= SIZE:
            note("one read for all")
            assert family.commands == 1
        note(f"{family.commands} commands, {failures} failures")


def connected(family: Family) -> Trickle:
    """Connect to the parent, with as many turns as somebody needs who never waits."""
    family.line = Trickle(family.parent, PIECE)
    family.source = Session(family.line, 30)
    family.source.relays = threading.BoundedSemaphore(100)
    return family.line


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=4)


def disjoint(ranges: list[tuple[int, int]]) -> list[Span]:
    at, found = 0, []
    for gap, length in ranges:
        found.append(Span(b"k", at + gap * BLOCK // 2, length * BLOCK))
        at = found[-1].offset + found[-1].length
    return found


def covered(spans: list[Span] | tuple[Span, ...]) -> set[int]:
    return {at for span in spans for at in range(span.offset, span.offset + span.length, BLOCK // 2)}


@given(RANGES, RANGES, st.integers(0, 3000), st.integers(0, 3000), st.booleans())
def test_what_is_taken_of_a_read_is_wanted_and_comes(read: list[tuple[int, int]], wanted: list[tuple[int, int]], since: int, more: int, jump: bool) -> None:
    spans, work = tuple(disjoint(read)), disjoint(wanted)
    size = sum(span.length for span in spans)
    since = min(since * 1000, size)
    offer = Offer(spans, since, min(size, since + more * 1000))
    seat = follow(offer, work, jump=jump)
    note("something" if seat else "nothing")
    if seat:
        assert offer.since <= seat.at < offer.head + BLOCK
        assert covered(seat.spans) <= covered(work)
        assert jump or seat.spans[0].offset in {span.offset for span in work}
        stream = [(span.key, at) for span in spans for at in range(span.offset, span.offset + span.length, BLOCK // 2)]
        first = seat.at // (BLOCK // 2)
        taken = [(span.key, at) for span in seat.spans for at in range(span.offset, span.offset + span.length, BLOCK // 2)]
        assert stream[first : first + len(taken)] == taken, "what comes in the read from there on is what is taken"
        rest = remaining(work, seat.spans)
        assert covered(rest) == covered(work) - covered(seat.spans)
        assert sum(span.length for span in rest) == sum(span.length for span in work) - seat.size


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.integers(0, 30)), max_size=30))
def test_a_window_holds_the_end_of_a_stream(pieces: list[tuple[bytes, int]]) -> None:
    window, stream = Window(), b""
    for piece, most in pieces:
        number = window.append(piece)
        assert window.piece(number) == piece
        stream += piece
        window.trim(most)
        assert window.head == len(stream)
        assert window.head - window.tail <= most
        for place in range(window.tail, window.head):
            found, within = window.find(place)
            assert window.piece(found)[within] == stream[place]


