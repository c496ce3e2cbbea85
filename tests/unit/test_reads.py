"""Shared reads: children of one parent that want the same are served by one command, and none waits for another."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from sshsync.errors import InterruptedRun, SourceChangedError, SshsyncError
from sshsync.hosts.retrying import Stop
from sshsync.hosts.session import Session
from sshsync.remote.ranges import BLOCK
from sshsync.transfers.load import Load, Pack, Part, Span
from sshsync.transfers.relay import Relay
from sshsync.transports.memory import Fault, MemoryTransport
from tests.shares import Family, Holding, whole

MIB = 1 << 20
BIG = random.Random(9).randbytes(6 * MIB + 12_345)
SMALL = {b"d/%02d" % number: random.Random(number).randbytes(5000 + number) for number in range(20)}


def fetch(relay: Relay, family: Family, name: str, load: Load, **more: object) -> list[Span]:
    kept: list[Span] = []
    relay.fetch(load, whole(load), family.ends(name, **more), kept.append)  # type: ignore[arg-type]
    return kept


def together(work: dict[str, Callable[[], object]]) -> dict[str, BaseException | None]:
    """Do pieces of work side by side; return how each ended."""
    with ThreadPoolExecutor(len(work), "sshsync-test") as pool:
        running = {name: pool.submit(one) for name, one in work.items()}
        return {name: one.exception(60) for name, one in running.items()}


@pytest.mark.parametrize(("form", "files"), [(Part, {b"big": BIG}), (Pack, SMALL)])
def test_children_that_want_the_same_are_served_by_one_read(tmp_path: Path, form: type[Load], files: dict[bytes, bytes]) -> None:
    family = Family(tmp_path, files, 8)
    relay = Relay(family.reads())
    loads = {name: family.load(form, name, *files) for name in family.hosts}
    ended = together({name: lambda name=name: fetch(relay, family, name, loads[name]) for name in loads})
    assert set(ended.values()) == {None}
    for name, load in loads.items():
        assert family.staged(name, load) == files
    size = sum(map(len, files.values()))
    assert family.commands == 1
    assert size <= family.line.sent < size + 1000
    assert family.moved == dict.fromkeys(family.hosts, size), "what each says it moved is its own"
    assert sum(family.shared.values()) == 7 * size


def test_a_lone_child_reads_for_nobody(tmp_path: Path) -> None:
    family = Family(tmp_path, {b"big": BIG}, 2)
    relay = Relay(family.reads(alone=True))
    for name in family.hosts:
        load = family.load(Part, name, b"big")
        fetch(relay, family, name, load)
        assert family.staged(name, load) == {b"big": BIG}
    assert family.commands == 2, "nothing is kept for anybody"
    assert set(family.shared.values()) == {0}


def test_who_comes_a_little_later_is_served_by_what_was_read(tmp_path: Path) -> None:
    family = Family(tmp_path, {b"big": BIG, **SMALL}, 3)
    relay = Relay(family.reads())
    for name in family.hosts:
        for load in (family.load(Part, name, b"big"), family.load(Pack, name, *SMALL)):
            fetch(relay, family, name, load)
            assert family.staged(name, load) == {change.key: family.files[change.key] for change in load.changes}
    assert family.commands == 2


def test_who_wants_the_same_once_more_gets_it_from_the_parent(tmp_path: Path) -> None:
    """He found that what he got is not right: perhaps it was read wrong."""
    family = Family(tmp_path, {b"big": BIG, **SMALL}, 2)
    relay = Relay(family.reads())
    for form, keys in ((Part, [b"big"]), (Pack, list(SMALL))):
        before = family.commands
        for _ in range(2):
            fetch(relay, family, "c0", family.load(form, "c0", *keys))
        assert family.commands == before + 2
        fetch(relay, family, "c1", family.load(form, "c1", *keys))
        assert family.commands == before + 2


def test_what_changed_since_is_not_taken_for_the_same(tmp_path: Path) -> None:
    family = Family(tmp_path, {b"big": BIG}, 2)
    relay = Relay(family.reads())
    fetch(relay, family, "c0", family.load(Part, "c0", b"big"))
    fresh = BIG[::-1]
    family.parent.put(b"/m/big", fresh)
    load = family.load(Part, "c1", b"big")
    load = load.only([type(load.change)(load.change.new.__class__(b"big", "sha256:ff", load.change.new.stamp))])
    fetch(relay, family, "c1", load)
    assert family.staged("c1", load) == {b"big": fresh}


@pytest.mark.parametrize("form", [Part, Pack])
def test_a_stopped_sibling_costs_the_others_nothing(tmp_path: Path, form: type[Load]) -> None:
    files = {b"big": BIG} if form is Part else SMALL
    family = Family(tmp_path, files, 5)
    relay = Relay(family.reads(2 * MIB))
    stopped = Holding(family.hosts["c0"])
    family.targets["c0"] = Session(stopped, 30)
    loads = {name: family.load(form, name, *files) for name in family.hosts}
    with ThreadPoolExecutor(1, "sshsync-test") as pool:
        slow = pool.submit(fetch, relay, family, "c0", loads["c0"])
        assert stopped.holds.wait(60)
        side_by_side = threading.Barrier(4)
        moved = {"moved": lambda _count: side_by_side.wait(60)}
        others = {name: lambda name=name: fetch(relay, family, name, loads[name], **moved) for name in loads if name != "c0"}
        assert set(together(others).values()) == {None}
        assert not slow.done()
        for name in others:
            assert family.staged(name, loads[name]) == files
        stopped.go.set()
        assert slow.exception(60) is None
    assert family.staged("c0", loads["c0"]) == files
    size = sum(map(len, files.values()))
    assert family.line.sent < 2 * size + MIB, "the others have one read, and he another one of what he missed"


def test_many_stopped_children_leave_the_way_to_the_parent_free(tmp_path: Path) -> None:
    """Who reads no more has no turn there: what all of it was read of does not wait for who takes it."""
    family = Family(tmp_path, SMALL, 9)
    relay = Relay(family.reads())
    stopped = {name: Holding(family.hosts[name]) for name in list(family.hosts)[:8]}
    family.targets |= {name: Session(line, 30) for name, line in stopped.items()}
    keys = list(SMALL)
    with ThreadPoolExecutor(8, "sshsync-test") as pool:
        slow = []
        for number, name in enumerate(stopped):
            # Each a pack of its own, so that none joins another one's read; a sibling reads it to its end.
            load = family.load(Pack, name, *keys[number:])
            slow.append(pool.submit(fetch, relay, family, name, load))
            assert stopped[name].holds.wait(60)
            fetch(relay, family, "c8", family.load(Pack, "c8", *keys[number:]))
        for line in stopped.values():
            line.go.set()
        assert [one.exception(60) for one in slow] == [None] * 8


@pytest.mark.parametrize("form", [Part, Pack])
def test_who_stands_still_makes_way_for_who_waits(tmp_path: Path, form: type[Load]) -> None:
    """More stopped children than there are turns, each at a file of his own: the next one does not wait for them."""
    files = {b"f%d" % number: random.Random(number).randbytes(3 * MIB if form is Part else 60_000) for number in range(6)}
    family = Family(tmp_path, files, 6, piece=20_000)
    relay, now = Relay(family.reads()), [0.0]
    stopped = {name: Holding(family.hosts[name]) for name in list(family.hosts)[:5]}
    family.targets |= {name: Session(line, 30) for name, line in stopped.items()}
    loads = {name: family.load(form, name, b"f%d" % number) for number, name in enumerate(family.hosts)}

    def clock() -> float:
        now[0] += 1
        return now[0]

    with ThreadPoolExecutor(5, "sshsync-test") as pool:
        slow = {}
        for name, line in stopped.items():
            slow[name] = pool.submit(fetch, relay, family, name, loads[name], clock=clock)
            assert line.holds.wait(60)
        fetch(relay, family, "c5", loads["c5"], clock=clock)
        assert not any(one.done() for one in slow.values())
        for line in stopped.values():
            line.go.set()
        assert [one.exception(60) for one in slow.values()] == [None] * 5
    for number, (name, load) in enumerate(loads.items()):
        assert family.staged(name, load) == {b"f%d" % number: files[b"f%d" % number]}


def test_who_comes_late_begins_where_the_others_are(tmp_path: Path) -> None:
    """The beginning, which nobody keeps any more, he gets afterwards: the parent sends little more than the file."""
    family = Family(tmp_path, {b"big": BIG}, 2)
    relay = Relay(family.reads(MIB))
    loads = {name: family.load(Part, name, b"big") for name in family.hosts}
    side_by_side = threading.Barrier(2)
    with ThreadPoolExecutor(1, "sshsync-test") as pool:
        late: list[Future[list[Span]]] = []

        def follow(_count: int) -> None:
            with suppress(threading.BrokenBarrierError):
                side_by_side.wait(60)

        def lead(_count: int) -> None:
            if family.line.sent > 3 * MIB:
                if not late:
                    late.append(pool.submit(fetch, relay, family, "c1", loads["c1"], moved=follow))
                side_by_side.wait(60)

        fetch(relay, family, "c0", loads["c0"], moved=lead)
        side_by_side.abort()
        kept = late[0].result(60)
    assert kept[0].offset > MIB
    assert kept[0].offset % BLOCK == 0
    assert kept[1:] == [Span(b"big", 0, kept[0].offset)]
    for name, load in loads.items():
        assert family.staged(name, load) == {b"big": BIG}
    assert family.line.sent < len(BIG) + kept[0].offset + 4 * BLOCK


@pytest.mark.parametrize("form", [Part, Pack])
def test_who_fails_or_is_stopped_leaves_the_others_alone(tmp_path: Path, form: type[Load]) -> None:
    files = {b"big": BIG} if form is Part else SMALL
    family, stop = Family(tmp_path, files, 4, piece=1000), Stop()
    relay = Relay(family.reads())
    family.hosts["c1"].faults.append(Fault("short", {Part: "store", Pack: "unpack"}[form], after=20_000))

    def moved(_count: int) -> None:
        if family.line.sent > 30_000:
            stop.set(15)

    loads = {name: family.load(form, name, *files) for name in family.hosts}
    given = {"c2": {"moved": moved, "check": stop.check}}
    ended = together({name: lambda name=name: fetch(relay, family, name, loads[name], **given.get(name, {})) for name in loads})
    assert isinstance(ended["c1"], SshsyncError)
    assert isinstance(ended["c2"], InterruptedRun)
    for name in ("c0", "c3"):
        assert ended[name] is None
        assert family.staged(name, loads[name]) == files
    again = family.load(form, "c1", *files)
    family.targets["c1"] = Session(MemoryTransport(family.hosts["c1"]), 30)
    fetch(relay, family, "c1", again)
    assert family.staged("c1", again) == files


@pytest.mark.parametrize("form", [Part, Pack])
def test_a_read_that_its_last_reader_left_in_the_middle_is_not_joined(tmp_path: Path, form: type[Load]) -> None:
    files = {b"big": BIG} if form is Part else {b"f%02d" % number: BIG[number : number + 40_000] for number in range(20)}
    family = Family(tmp_path, files, 2, piece=1000)
    relay = Relay(family.reads())
    family.hosts["c0"].faults.append(Fault("short", {Part: "store", Pack: "unpack"}[form], after=20_000))
    with pytest.raises(SshsyncError):
        fetch(relay, family, "c0", family.load(form, "c0", *files))
    load = family.load(form, "c1", *files)
    fetch(relay, family, "c1", load)
    assert family.staged("c1", load) == files
    assert family.commands == 2


@pytest.mark.parametrize(("cut", "words"), [(-1, "shorter"), (1, "longer"), (None, "No such file|cannot be read|gone")])
def test_a_source_that_changed_is_told_to_everybody(tmp_path: Path, cut: int | None, words: str) -> None:
    family = Family(tmp_path, {b"big": BIG}, 4)
    relay = Relay(family.reads())
    loads = {name: family.load(Part, name, b"big") for name in family.hosts}
    if cut is None:
        family.parent.unlink(b"/m/big")
    else:
        family.parent.put(b"/m/big", BIG[:-1] if cut < 0 else BIG + b"x")
    ended = together({name: lambda name=name: fetch(relay, family, name, loads[name]) for name in loads})
    assert {type(error) for error in ended.values()} == {SourceChangedError}
    assert len({id(error) for error in ended.values()}) == 4, "what is written into one of them stays out of the others"
    for error in ended.values():
        assert error
        with pytest.raises(SourceChangedError, match=words):
            raise error


def test_a_source_that_is_lost_ends_the_read_for_all_and_each_tries_again(tmp_path: Path) -> None:
    family = Family(tmp_path, {b"big": BIG}, 3)
    relay = Relay(family.reads())
    family.parent.faults.append(Fault("lose", "ranges", after=2 * MIB))
    loads = {name: family.load(Part, name, b"big") for name in family.hosts}
    ended = together({name: lambda name=name: fetch(relay, family, name, loads[name]) for name in loads})
    assert all(isinstance(error, SshsyncError) and error.transient for error in ended.values())
    family.source = Session(MemoryTransport(family.parent), 30)
    for name in loads:
        load = family.load(Part, name, b"big")
        fetch(relay, family, name, load)
        assert family.staged(name, load) == {b"big": BIG}


def test_what_a_sibling_reads_just_now_comes_first(tmp_path: Path) -> None:
    """So who comes late is soon where the others are, and gets afterwards what they had before."""
    files = {b"f%d" % number: bytes([number]) * 40_000 for number in range(5)}
    family = Family(tmp_path, files, 3, piece=10_000)
    reads = family.reads()
    relay, loads = Relay(reads), [family.load(Pack, "c0", key) for key in files]
    seen = []

    def moved(_count: int) -> None:
        seen.append([reads.first("m", b"/m", name, loads) for name in ("c0", "c1")])

    assert reads.first("m", b"/m", "c1", loads) == 0
    fetch(relay, family, "c0", family.load(Pack, "c0", b"f3"), moved=moved)
    assert seen[0] == [3, 3], "c0 is at it, and c1 had better be"
    assert [reads.first("m", b"/m", name, loads) for name in ("c0", "c1", "c2")] == [0, 3, 3]
    assert reads.first("m", b"/elsewhere", "c1", loads) == reads.first("other", b"/m", "c1", loads) == 0
    fetch(relay, family, "c1", family.load(Pack, "c1", b"f3"))
    assert reads.first("m", b"/m", "c1", loads) == 0


def test_links_that_cross_each_other_do_not_wait_for_ever(tmp_path: Path) -> None:
    """Hosts that are parents and children of each other, more links than turns."""
    one, other = Family(tmp_path / "1", {b"big": BIG, **SMALL}, 6), Family(tmp_path / "2", {b"big": BIG, **SMALL}, 6)
    for family, across in ((one, other), (other, one)):
        family.targets = dict.fromkeys(family.targets, across.source)
        family.hosts = dict.fromkeys(family.hosts, across.parent)
        for name in family.hosts:
            across.parent.make(b"/" + name.encode())
    relay, work = Relay(one.reads(MIB)), {}
    for number, family in enumerate((one, other)):
        for turn, name in enumerate(family.hosts):
            load = family.load(Pack, name, *list(SMALL)[turn:]) if turn % 2 else family.load(Part, name, b"big")
            work[f"{number} {name}"] = lambda family=family, name=name, load=load: fetch(relay, family, name, load)
    assert set(together(work).values()) == {None}
