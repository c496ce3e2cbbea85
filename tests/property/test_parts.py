"""A law about big files: whatever a vendor writes, breaks, is killed or rots.

The child shows versions that the master had and nothing else, each run ends with the master's bytes or says that it did
not, what is sent again is told, and what was kept is never sent again.
"""

import hashlib
import os
import random
import shutil
import tempfile
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sshsync.core.lease import Here, Owner
from sshsync.executors.serial import Serial
from sshsync.model import events as ev
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

TEXT = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 2\nbwlimit = 1G\ndelete = yes\nmax_delete = 100%\nallow_empty = yes")
BLOCK = 1 << 16
LEAST, MOST = 1 << 20, 24 * BLOCK
KEYS = (b"big", b"d/twin")
SEQUENCES = int(os.environ.get("SSHSYNC_NIGHTS", "150")) // 5

CUTS = st.builds(Fault, st.just("short"), st.just("store"), st.integers(1, 3), st.integers(1, MOST))
LOSSES = st.builds(Fault, st.sampled_from(["refuse", "lose"]), st.sampled_from(["store", "carry-on", "publish", "digest", "chunks", "assemble-by"]), st.integers(1, 2))
FLIPS = st.builds(Fault, st.just("flip"), st.just("ranges"), st.integers(1, 2))


class Killed(BaseException):
    """The controller's process is gone."""


class Law(RuleBasedStateMachine):
    """A master, its child, and a controller that is run again and again."""

    def __init__(self) -> None:
        super().__init__()
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="sshsync-law-", dir=place))
        self.world = World(self.directory, TEXT)
        self.master, self.proxy = self.world.host("master"), self.world.host("proxy")
        self.world.fill("master", b"/m", {})
        self.world.fill("proxy", b"/p", {})
        self.versions: set[tuple[bytes, bytes]] = set()
        self.seeds = count()
        self.now = 1_000_000.0
        self.runs = 0

    def here(self) -> Here:
        """Return who this controller is: another process each time, by a clock of its own, and the one before is gone."""
        self.runs += 1
        owner, alive = Owner("host", "machine", "boot", "space", self.runs, f"{self.runs}", "tonight"), self.runs

        def rest(seconds: float) -> None:
            self.now += seconds

        return Here(owner, lambda pid: f"{pid}" if pid == alive else "", lambda: self.now, lambda: self.now, rest)

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    def write(self, key: bytes, data: bytes) -> None:
        self.versions.add((key, data))
        self.master.put(b"/m/" + key, data, mtime=1_600_000_000 + next(self.seeds))

    @initialize(size=st.integers(LEAST, MOST))
    def a_release(self, size: int) -> None:
        self.write(b"big", random.Random(next(self.seeds)).randbytes(size))

    @rule(key=st.sampled_from(KEYS), size=st.integers(LEAST, MOST))
    def another_content(self, key: bytes, size: int) -> None:
        self.write(key, random.Random(next(self.seeds)).randbytes(size))

    @rule(at=st.floats(0, 1), length=st.integers(1, 3 * BLOCK), insert=st.booleans())
    def a_change(self, at: float, length: int, insert: bool) -> None:
        old = self.master.below(b"/m")[b"big"]
        place = int(at * len(old))
        new = old[:place] + random.Random(next(self.seeds)).randbytes(length) + old[place + (0 if insert else length) :]
        self.write(b"big", new[:MOST])

    @rule()
    def a_twin(self) -> None:
        self.write(b"d/twin", self.master.below(b"/m")[b"big"])

    @rule(which=st.integers(0, 9), at=st.floats(0, 1, exclude_max=True))
    def a_part_rots(self, which: int, at: float) -> None:
        """Where there is none nothing happens: which nights leave parts is for the threads to say, not for what is drawn."""
        parts = self.parts()
        if not parts:
            return
        file = self.proxy.files[parts[which % len(parts)]]
        place = int(at * len(file.data))
        if file.data:
            file.data = file.data[:place] + bytes([file.data[place] ^ 1]) + file.data[place + 1 :]

    @rule(faults=st.lists(CUTS | LOSSES | FLIPS, min_size=1, max_size=4), kill=st.none() | st.integers(1, 40))
    def a_bad_night(self, faults: list[Fault], kill: int | None) -> None:
        self.proxy.faults[:] = [Fault(f.kind, f.script, f.nth, f.after) for f in faults if f.kind != "flip"]
        self.master.faults[:] = [Fault(f.kind, f.script, f.nth, f.after) for f in faults if f.kind == "flip"]
        missing, code = self.missing(), self.run(kill)
        self.proxy.faults.clear()
        self.master.faults.clear()
        assert code in (None, 0, 6, 10, 75)
        if code == 0:
            self.same()
        if code is not None:
            told = sum(event.bytes for event in self.world.seen(ev.Resent))
            assert self.moved <= missing + told, "what is sent again is told"
            assert self.told <= self.moved, "what is told to have moved was sent in this run"

    @rule()
    def a_good_night(self) -> None:
        missing = self.missing()
        assert self.run() == 0
        self.same()
        assert self.moved <= missing, "what was kept is never sent again"
        assert self.told <= self.moved, "what is told to have moved was sent in this run"
        assert not self.parts()

    def run(self, kill: int | None = None) -> int | None:
        left = kill

        def killing(event: ev.Event) -> None:
            nonlocal left
            if left is not None:
                left -= 1
                if left == 0:
                    raise Killed

        self.world.events.clear()
        try:
            with self.world.sync(here=self.here(), executor=Serial(), sinks=[killing]) as sync:
                return sync.run([["proxy"]]).exit_code
        except Killed:
            return None

    @property
    def moved(self) -> int:
        return sum(event.bytes for event in self.world.seen(ev.Progress))

    @property
    def told(self) -> int:
        return sum(event.bytes for event in self.world.seen(ev.Published))

    def parts(self) -> list[bytes]:
        return sorted(path for path in self.proxy.files if b"/.sshsync/part/" in path and b".open" not in path)

    def missing(self) -> int:
        """Return the bytes that have to be sent: of contents that the child has nowhere, but for what their parts hold, block by block."""
        there, new = self.proxy.below(b"/p"), self.master.below(b"/m")
        wanted = Counter(data for key, data in new.items() if there.get(key) != data and data not in there.values())
        return sum(number * len(data) - sum(self.held(data)[:number]) for data, number in wanted.items())

    def held(self, data: bytes) -> list[int]:
        """Return the bytes that are right in each part of a content, the most first: no two files have the same part."""
        name = b"/part/" + hashlib.sha256(data).hexdigest().encode()
        parts = [self.proxy.files[path].data for path in self.parts() if name in path]
        return sorted((right(part, data) for part in parts), reverse=True)

    def same(self) -> None:
        assert self.proxy.below(b"/p") == self.master.below(b"/m")

    @invariant()
    def nothing_torn_is_shown(self) -> None:
        assert set(self.proxy.below(b"/p").items()) <= self.versions


def right(part: bytes, data: bytes) -> int:
    blocks = ((part[at : at + BLOCK], data[at : at + BLOCK]) for at in range(0, len(data), BLOCK))
    return sum(len(wanted) for found, wanted in blocks if found == wanted)


@pytest.mark.timeout(180 + 8 * SEQUENCES)
def test_whatever_becomes_of_big_files_what_was_kept_is_not_sent_again() -> None:
    run_state_machine_as_test(Law, settings=settings(max_examples=SEQUENCES, stateful_step_count=12, deadline=None))


def test_what_an_earlier_run_sent_in_vain_is_told_also_where_the_rest_was_copied() -> None:
    """The earlier run could not know that it had been broken on its way."""
    law = Law()
    law.a_release(size=1 << 20)
    law.a_twin()
    law.a_bad_night([Fault("short", "store", 2, BLOCK), Fault("flip", "ranges", 2), Fault("refuse", "carry-on", 1)], None)
    law.a_bad_night([Fault("short", "store", 1, 1)], None)
    assert [event.bytes for event in law.world.seen(ev.Resent)] == [BLOCK]
    law.same()
    law.teardown()


@pytest.mark.parametrize("size", [1 << 20, 1_127_684])
def test_what_was_sent_in_vain_is_told_also_where_copies_were_tried(size: int) -> None:
    """What differs breaks on its way twice: then all is sent, and both times count."""
    law = Law()
    law.a_release(size=size)
    law.a_good_night()
    law.a_change(at=0.0, insert=False, length=1)
    law.a_bad_night(faults=[Fault("flip", "ranges", 1), Fault("flip", "ranges", 1)], kill=None)
    law.teardown()
