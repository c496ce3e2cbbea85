"""Visits: work with hosts over connections that are kept, side by side, one after the other, and after an interrupt."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from sshsync.api import GRACE, Sync, Visit
from sshsync.engine import owner
from sshsync.errors import AuthenticationError, ConnectionLostError, InterruptedRun, UsageError
from sshsync.executors.serial import Serial
from sshsync.model import events as ev
from sshsync.model.topology import Host
from sshsync.transports.dialing import Dial
from sshsync.transports.memory import Fault, MemoryTransport
from sshsync.watch import Told, Watch
from tests.conftest import CHAIN, World

ALL = [["proxy"], ["node1", "node2"]]
HOSTS = ["master", "proxy", "node1", "node2"]


class Net(World):
    """Hosts in memory, and every connection that was made to them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.made: list[MemoryTransport] = []
        self.greets: Callable[[str], None] = lambda _name: None
        self.closed: Callable[[], None] = lambda: None
        self.fill("master", b"/m", {b"a": b"alpha", b"d/b": b"beta"})

    def transports(self) -> dict:
        return dict.fromkeys(("ssh", "local"), self.connect)

    def connect(self, wanted: Host, _dial: Dial) -> MemoryTransport:
        self.greets(wanted.address)
        net = self

        class Connection(MemoryTransport):
            def close(self) -> None:
                super().close()
                net.closed()

        self.made.append(Connection(self.host(wanted.address)))
        return self.made[-1]

    def greetings(self, name: str) -> int:
        return sum(made.label == name for made in self.made)

    def live(self) -> list[str]:
        return [made.label for made in self.made if made.alive]

    @contextmanager
    def visited(self, text: str = "", **parts: object) -> Iterator[tuple[Sync, Visit]]:
        with self.sync(text, **parts) as sync, sync.visit() as visit:
            yield sync, visit


@pytest.fixture
def net(tmp_path: Path) -> Net:
    return Net(tmp_path)


class Held:
    """A script that stands still on a host until it is let go."""

    def __init__(self, net: Net, name: str, script: str, kind: str = "none") -> None:
        self.begun, self._go = threading.Event(), threading.Event()
        net.host(name).faults.append(Fault(kind, script, first=self._hold))

    def _hold(self) -> None:
        self.begun.set()
        assert self._go.wait(20)

    def go(self) -> None:
        self._go.set()


def test_work_of_one_visit_greets_each_host_once(net: Net) -> None:
    with net.visited() as (sync, visit):
        plan = sync.plan(ALL)
        looks = [visit.look(plan)]
        assert visit.run(ALL, dry_run=True).exit_code == 11
        assert visit.run(ALL).exit_code == 0
        assert [row.problem for row in visit.survey()] == [""] * 4
        looks.append(visit.look(plan))
        assert [net.greetings(name) for name in HOSTS] == [1] * 4
        assert sorted(net.live()) == sorted(HOSTS)
    assert looks[0] == looks[1]
    assert net.live() == []


def test_the_short_forms_are_visits_of_their_own(net: Net) -> None:
    with net.sync() as sync:
        for work in (lambda: sync.look(sync.plan(ALL)), lambda: sync.survey(["master"]), lambda: sync.run([["proxy"]])):
            work()
            assert net.live() == []
    assert net.greetings("master") == 3


def test_a_visit_that_is_closed_does_no_more_work_and_the_next_one_does(net: Net) -> None:
    with net.sync() as sync:
        with sync.visit() as visit:
            assert visit.run(ALL).exit_code == 0
        for work in (lambda: visit.run(ALL), lambda: visit.look(sync.plan(ALL)), visit.survey, lambda: visit.scan(["master"])):
            with pytest.raises(UsageError, match="closed"):
                work()
        visit.close()
        left = sync.visit()
        left.look(sync.plan(ALL))
    assert net.live() == [], "who forgets a visit has it closed with the engine"


def test_whoever_only_asks_writes_nothing(net: Net) -> None:
    with net.visited() as (sync, visit):
        assert not sync.status()[0].in_sync
        assert sync.unfinished() is None
        assert sync.running() == ""
        visit.look(sync.plan(ALL))
        visit.survey()
        visit.scan(["master"], fresh=True)
        assert list(visit.compare("proxy", "master"))
    assert list(net.directory.iterdir()) == []


# Interrupted


def stopping(stop: Callable[[], Callable[[int], None]]) -> Callable[[ev.Event], None]:
    """Interrupt at the first file that is published."""
    waiting = [15]

    def take(event: ev.Event) -> None:
        if isinstance(event, ev.Published) and waiting:
            stop()(waiting.pop())

    return take


def test_an_engine_that_was_interrupted_runs_again(net: Net) -> None:
    with net.sync(sinks=[stopping(lambda: sync.interrupt)]) as sync:
        assert [sync.run(ALL).exit_code for _ in range(2)] == [143, 0]
        assert net.seen(ev.RunStarted)[-1].continued
        sync.interrupt(15)
        assert sync.run(ALL).exit_code == 0, "nothing was under way"


def test_a_visit_that_was_interrupted_goes_on_over_its_connections(net: Net) -> None:
    with net.visited(sinks=[stopping(lambda: visit.interrupt)]) as (sync, visit):
        assert [visit.run(ALL).exit_code for _ in range(2)] == [143, 0]
        visit.look(sync.plan(ALL))
    assert [net.greetings(name) for name in HOSTS] == [1] * 4


@pytest.mark.parametrize("whole", [True, False], ids=["engine", "visit"])
def test_a_signal_just_before_work_is_not_lost_and_counts_once(net: Net, whole: bool) -> None:
    with net.visited() as (sync, visit):
        interrupt = sync.interrupt if whole else visit.interrupt
        interrupt(2)
        assert [visit.run(ALL).exit_code for _ in range(2)] == [130, 0]
        interrupt(15)
        with pytest.raises(InterruptedRun):
            visit.look(sync.plan(ALL))
        visit.look(sync.plan(ALL))


def test_a_signal_ends_all_that_is_under_way_and_what_begins_until_it_has_ended(net: Net) -> None:
    with net.visited() as (sync, visit), sync.visit() as other, ThreadPoolExecutor(2) as threads:
        plan = sync.plan(ALL)
        held = []
        looks = []
        for one in (visit, other):
            held.append(Held(net, "master", "list", "lose"))
            looks.append(threads.submit(one.look, plan))
            assert held[-1].begun.wait(10)
        sync.interrupt(15)
        with pytest.raises(InterruptedRun):
            visit.look(plan)
        for one in held:
            one.go()
        for look in looks:
            with pytest.raises(InterruptedRun):
                look.result(20)
        assert visit.look(plan) == other.look(plan)


def test_what_does_not_end_in_the_grace_time_loses_its_connections_and_the_visit_makes_new_ones(net: Net) -> None:
    now, closed = [0.0], threading.Event()
    here = replace(owner.here(), monotonic=lambda: now[0])

    def stop() -> None:
        visit.interrupt(15)
        now[0] += GRACE - 1
        assert not closed.wait(1.2), "it has the whole of it"
        now[0] += 2
        assert closed.wait(10)

    net.closed = closed.set
    net.host("master").faults.append(Fault("lose", "list", first=stop))
    with net.visited(here=here) as (sync, visit):
        assert visit.run(ALL).exit_code == 143
        assert net.live() == []
        assert visit.run(ALL).exit_code == 0


# Side by side


def test_looks_beside_a_run_leave_its_connections_alone(net: Net) -> None:
    held = Held(net, "node1", "publish")
    with net.visited() as (sync, visit), ThreadPoolExecutor(1) as threads:
        running = threads.submit(visit.run, ALL)
        assert held.begun.wait(20)
        plan = sync.plan(ALL)
        looks = [visit.look(plan), sync.look(plan)]
        assert len(visit.survey()) == len(sync.survey()) == 4
        with sync.visit() as other:
            looks.append(other.look(plan))
        held.go()
        assert running.result(20).exit_code == 0
        assert looks[0] == looks[1] == looks[2]
        retried = net.seen(ev.Retried)
        assert retried == []
    assert net.greetings("node1") == 2, "the run's, and that of the survey of its own"


def test_a_dry_run_beside_a_run_has_a_record_of_its_own(net: Net) -> None:
    held = Held(net, "proxy", "publish")
    with net.visited() as (sync, visit), ThreadPoolExecutor(1) as threads:
        running = threads.submit(visit.run, [["proxy"]])
        assert held.begun.wait(20)
        dry = visit.run([["proxy"]], dry_run=True)
        held.go()
        result = running.result(20)
        assert (result.exit_code, dry.exit_code) == (0, 11)
        dried, ran = sync.journal.runs()
        if ran["dry"]:
            dried, ran = ran, dried
        assert (ran["exit_code"], dried["exit_code"]) == (0, 11)
        assert sync.history(ran["id"]).repositories["proxy"].copied == 2
        assert sync.history(dried["id"]).repositories["proxy"].copied == 0
        assert sync.status()[0].in_sync


# From one look to the next


def test_a_connection_that_died_between_two_looks_costs_a_greeting(net: Net) -> None:
    with net.visited(CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 1")) as (sync, visit):
        plan = sync.plan(ALL)
        first = visit.look(plan)
        net.made[0].close()
        assert visit.look(plan) == first
        assert net.greetings("master") == 2
        net.host("master").faults.append(Fault("lose", "probe"))
        assert visit.look(plan) == first
        assert net.greetings("master") == 3
        net.host("master").faults.append(Fault("lose", "list"))
        with pytest.raises(ConnectionLostError):
            visit.look(plan)


def test_what_was_refused_is_tried_again_by_the_next_look_and_by_it_only_once(net: Net) -> None:
    tries = []

    def refuse(name: str) -> None:
        tries.append(name)
        raise AuthenticationError("no such key")

    net.greets = refuse
    with net.visited() as (sync, visit):
        plan = sync.plan(ALL)
        for count in (1, 2):
            with pytest.raises(AuthenticationError):
                visit.look(plan)
            assert tries == ["master"] * count
        net.greets = lambda _name: None
        visit.look(plan)
    assert net.greetings("master") == 1


def test_the_clock_of_a_host_that_was_set_is_seen_by_the_next_look(net: Net) -> None:
    host = net.host("master")
    host.put(b"/m/young", b"young", mtime=int(time.time()))
    host.clock = lambda: time.time() + 5
    with net.visited(CHAIN.replace("stable_for = 0", "stable_for = 3600")) as (sync, visit):
        plan = sync.plan(ALL)
        assert 3500 < visit.look(plan).rest < 3600
        host.clock = lambda: time.time() + 1800
        assert 1700 < visit.look(plan).rest < 1801
        host.clock = lambda: time.time() + 7200
        assert visit.look(plan).rest == 0
    assert net.greetings("master") == 1


# Watching


class Watched:
    """A watcher in a thread, and moments to wait for."""

    def __init__(self, net: Net, sync: Sync, visit: Visit) -> None:
        self._net = net
        self.said: list[str] = []
        self.codes: list[int] = []
        told = Told(lambda: None, self.said.append, lambda result: self.codes.append(result.exit_code))
        self.watch = Watch(sync, visit, sync.plan(ALL), 0.01, told)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        with ThreadPoolExecutor(1) as threads:
            ended = threads.submit(self.watch.run)
            try:
                yield
            finally:
                self.watch.stop(15)
                error = ended.exception(20)
                assert isinstance(error, InterruptedRun), error

    def looks(self, many: int, script: str = "list") -> None:
        """Return when the master has been looked at so many times more."""
        seen = threading.Semaphore(0)
        host = self._net.host("master")

        def started() -> None:
            if host.started[-1] == script:
                seen.release()

        host.watch = started
        for _ in range(many + 1):
            assert seen.acquire(timeout=20)


def test_a_watcher_that_begins_long_after_all_was_well_walks_although_nothing_is_new(net: Net) -> None:
    """And one that begins soon after does not: what is on record counts, not when a service was started."""
    for walk, runs in (("86400", [0]), ("86400", []), ("0.001", [0]), ("0", [])):
        with net.visited(f"watch_walk = {walk}\n{CHAIN}") as (sync, visit):
            watched = Watched(net, sync, visit)
            assert watched.watch.run(once=True) == 0
        assert watched.codes == runs


def test_a_watcher_keeps_its_connections_from_look_to_look_and_from_walk_to_walk(net: Net) -> None:
    with net.visited() as (sync, visit):
        watched = Watched(net, sync, visit)
        with watched.going_on():
            watched.looks(5)
            net.host("master").put(b"/m/new", b"new")
            watched.looks(5)
            assert net.host("node2").below(b"/n")[b"new"] == b"new"
            assert [net.greetings(name) for name in HOSTS] == [1] * 4
            net.made[0].close()
            watched.looks(3)
            assert [net.greetings(name) for name in HOSTS] == [2, 1, 1, 1]
    assert set(watched.codes) == {0}
    assert net.live() == []


def test_a_watcher_that_is_stopped_while_a_host_is_silent_ends_at_once(net: Net) -> None:
    held = Held(net, "master", "list", "lose")
    net.closed = held.go
    with net.visited() as (sync, visit):
        watched = Watched(net, sync, visit)
        with watched.going_on():
            assert held.begun.wait(10)
    assert watched.codes == []


def test_a_watcher_that_is_stopped_before_it_begins_walks_nothing(net: Net) -> None:
    with net.visited(executor=Serial()) as (sync, visit):
        watched = Watched(net, sync, visit)
        watched.watch.stop(2)
        with pytest.raises(InterruptedRun):
            watched.watch.run()
    assert watched.codes == []


def test_a_signal_at_whatever_line_of_a_rest_ends_the_watcher(net: Net) -> None:
    """A handler runs in the middle of the work that it interrupts, whatever locks that work has at the moment."""

    def rest(line: int) -> None:
        """Rest, with a signal at the n-th line of it."""
        with sync.visit() as visit:
            watched, left = Watched(net, sync, visit), iter(range(line))

            def trace(frame: FrameType, event: str, _value: object) -> object:
                here = frame.f_code.co_filename.endswith(("watch.py", "threading.py")) and watched.said
                if here and event == "line" and next(left, None) is None:
                    signal.raise_signal(signal.SIGUSR1)
                return trace

            signal.signal(signal.SIGUSR1, lambda *_: watched.watch.stop(15))
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                with pytest.raises(InterruptedRun):
                    watched.watch.run()
            finally:
                sys.settrace(before)

    handler = signal.getsignal(signal.SIGUSR1)
    try:
        with net.sync() as sync:
            assert sync.run(ALL).exit_code == 0
            sync.journal.note("watch --sync proxy --sync node1,node2", sync.look(sync.plan(ALL)).state)
            for line in range(60):
                rest(line)
    finally:
        signal.signal(signal.SIGUSR1, handler)
