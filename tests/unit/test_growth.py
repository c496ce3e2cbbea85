"""Runs of many hosts and many jobs: time and memory grow with their number, and with nothing else."""

import gc
import io
import os
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sshsync import builtin
from sshsync.cli import board
from sshsync.core import planner
from sshsync.core.publication import each
from sshsync.core.ready import barrier
from sshsync.engine import owner
from sshsync.engine.context import Context
from sshsync.engine.headway import Headway
from sshsync.engine.run import Asked, Run
from sshsync.engine.sinks import Folding
from sshsync.errors import ConnectError
from sshsync.executors.base import Executor, Lead
from sshsync.executors.serial import Serial
from sshsync.executors.threads import Threads
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.row import Digest, Stamp
from sshsync.model.order import Done, Ended, Offer, Order
from sshsync.model.plan import Step
from sshsync.model.records import Underway
from sshsync.model.topology import Host, Repository
from sshsync.transports.base import Transport
from sshsync.transports.dialing import Dial
from sshsync.transports.memory import MemoryHost, MemoryTransport
from tests import values
from tests.conftest import World, configure

FULL = os.environ.get("SSHSYNC_FULL") == "1"
TIMES, MOST = 5, 9
"""So many times the hosts may take at most so many times as long: five would be exact, and 25 what pairs take."""
pytestmark = pytest.mark.timeout(900 if FULL else 180)
MANY = 500 if FULL else 100
ITEMS = 200 if FULL else 40
"""Hosts, and what each of them holds: 100,000 items in all when there is time for it."""


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """The collector looks at all objects again and again: its time is no part of what is compared."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def site(hosts: int, proxies: int) -> str:
    """Return a configuration in which so many hosts are fed by a master through so many of them."""
    found = ["[DEFAULT]\nstable_for = 0\n[m]\nhost = m\npath = /m\n"]
    below = hosts // proxies - 1
    for proxy in range(proxies):
        found.append(f"[p{proxy}]\nhost = p{proxy}\npath = /p\nparent = m\n")
        found.append(f"[p{proxy}n[001-{below:03}]]\nhost = p{proxy}n{{n}}\npath = /n\nparent = p{proxy}\n")
    return "".join(found)


def site_of(directory: Path, hosts: int, proxies: int) -> Callable[[], str]:
    """Return what synchronizes all hosts with a master, and says how that ended; nobody listens to what happens."""
    directory.mkdir(parents=True)
    world = World(directory)
    world.fill("m", b"/m", {b"d%d/f%d" % (number % 7, number): b"%d" % number for number in range(ITEMS)})
    text = site(hosts, proxies)

    def run() -> str:
        world.events.clear()
        with world.sync(text) as sync:
            result = sync.run(sync.everything())
        assert result.exit_code == 0
        assert len(result.report.jobs) == hosts
        return result.report.outcome

    return run


def seconds(work: Callable[[], str]) -> tuple[str, float]:
    begun = time.process_time()
    said = work()
    return said, time.process_time() - begun


def peak(work: Callable[[], str]) -> tuple[str, float]:
    tracemalloc.start()
    try:
        said = work()
        return said, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def costs(make: Callable[[], Callable[[], str]], measure: Callable[[Callable[[], str]], tuple[str, float]], tries: int) -> tuple[float, float]:
    """Return what a first run costs, and one that finds nothing to do: the least of some tries."""
    first, unchanged = [], []
    for _ in range(tries):
        run = make()
        said, cost = measure(run)
        assert said == "done"
        first.append(cost)
        said, cost = measure(run)
        assert said == "unchanged"
        unchanged.append(cost)
    return min(first), min(unchanged)


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize("proxies", [1, 5] if FULL else [5])
def test_a_run_of_five_times_as_many_hosts_takes_about_five_times_as_long(
    tmp_path: Path, proxies: int, figure: Callable[[str, object], None]
) -> None:
    numbers = iter(range(99))
    few, many = (
        costs(lambda hosts=hosts: site_of(tmp_path / str(next(numbers)), hosts, proxies), seconds, 2)  # type: ignore[misc]
        for hosts in (MANY // TIMES, MANY)
    )
    growth = [round(much / little, 1) for little, much in zip(few, many, strict=True)]
    figure(f"growth of time, first and unchanged, {proxies} proxies", growth)
    assert max(growth) < MOST, (few, many)


def test_a_run_of_five_times_as_many_hosts_takes_about_five_times_the_memory(
    tmp_path: Path, figure: Callable[[str, object], None]
) -> None:
    few, many = (
        costs(lambda hosts=hosts: site_of(tmp_path / str(hosts), hosts, 1), peak, 1)  # type: ignore[misc]
        for hosts in (MANY // TIMES, MANY)
    )
    growth = [round(much / little, 1) for little, much in zip(few, many, strict=True)]
    figure("growth of memory, first and unchanged", growth)
    assert max(growth) < MOST, (few, many)


class Nothing:
    """Records of a site that nobody has ever looked at."""

    def verified(self, repository: Repository) -> Iterator[tuple[Key, Digest]]:
        return iter(())

    def count(self, repository: Repository) -> int:
        return 0

    def in_sync(self, repository: Repository) -> float:
        return 0.0

    def cached(self, repository: Repository, maker: str) -> Iterator[tuple[Key, Stamp, Digest]]:
        return iter(())

    def forget(self, repository: Repository, maker: str, keys: Iterable[Key]) -> None:
        pass

    def underway(self, repository: Repository) -> tuple[Underway, ...]:
        return ()

    def noted(self, name: str) -> str:
        return ""

    def note(self, name: str, value: str) -> None:
        pass

    def learn(self, repository: Repository, maker: str, items: Iterable[Item], *, soon: bool = False) -> None:
        pass


class Trivial:
    """An executor for which every order is carried out as soon as it is there."""

    together = True

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.orders = 0

    def run(self, lead: Lead) -> None:
        self._executor.run(replace(lead, work=self._work))

    def _work(self, order: Order) -> Done:
        self.orders += 1
        held = Snapshot(order.job.repository, b"/r", {b"a": Item(b"a", "sha256:1")})
        return Done(order.job, Ended(Outcome.UNCHANGED if order.job.step is Step.LOOK else Outcome.DONE), Offer(held, {b"a": "sha256:1"}), 1)


def unreachable(host: Host, _dial: Dial) -> Transport:
    raise ConnectError("nobody is there", where=host.label)


FLAT = "[m]\nhost = m\npath = /m\n[n[00001-{jobs:05}]]\nhost = h{{n}}\npath = /n\nparent = m\n"


def flat(jobs: int) -> str:
    """All jobs in one stage, fed by a master that is looked at first."""
    return FLAT.format(jobs=jobs)


def deep(jobs: int) -> str:
    """Chains side by side, a hundred jobs a stage."""
    wide = 100
    found = ["[m]\nhost = m\npath = /m\n"]
    for level in range(jobs // wide):
        above = f"s{level - 1}n{{n}}" if level else "m"
        found.append(f"[s{level}n[01-{wide:03}]]\nhost = s{level}h{{n}}\npath = /n\nparent = {above}\n")
    return "".join(found)


WORST = 5
"""Times as long as ten works, that one may take which is as big as they: pairs take ten times as long, and what no
longer fits into a processor's cache takes two to three times as long."""


def growth(spent: Callable[[int], float], size: int) -> float:
    """Return how many times as long the one work takes as the ten; the least of two tries of each."""
    one = min(spent(10 * size) for _ in range(2))
    return one / min(sum(spent(size) for _ in range(10)) for _ in range(2))


EXECUTORS: dict[str, Callable[[], Executor]] = {"serial": Serial, "threads": lambda: Threads(8)}


SHAPES = [(shape, executor) for shape in (flat, deep) for executor in EXECUTORS] if FULL else [(flat, "threads")]


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize(("shape", "executor"), SHAPES)
def test_ten_thousand_jobs_are_handed_out_in_about_the_time_of_ten_times_a_thousand(
    tmp_path: Path, shape: Callable[[int], str], executor: str
) -> None:
    def spent(jobs: int) -> float:
        tree = configure(shape(jobs), tmp_path).tree
        plan = planner.plan(tree, planner.everything(tree))
        folding, trivial = Folding(), Trivial(EXECUTORS[executor]())
        asking = Asking(Pool(dict.fromkeys(("ssh", "local"), unreachable)), folding, Stop(), time.time, time.monotonic)
        kinds = {name: kind() for name, (kind, _) in builtin.KINDS.items()}
        context = Context(tree, asking, kinds, {}, each, Nothing(), folding, owner.here())
        run = Run(context, trivial, barrier, Asked("id", plan))
        begun = time.process_time()
        assert run.start(folding.report) == 0
        passed = time.process_time() - begun
        assert len(folding.report.jobs) == jobs
        assert trivial.orders == jobs + 1, "one look at the master besides"
        return passed

    assert growth(spent, 1_000) < WORST


@pytest.mark.usefixtures("_uncollected")
def test_a_screen_of_thirty_thousand_nodes_is_drawn_in_about_the_time_of_ten_of_three_thousand() -> None:
    """Their names make no ranges."""

    def spent(count: int) -> float:
        headway = Headway("run", time.time, time.monotonic, lambda _values: None)
        names = [f"{number * 7919 % 10_007:05}.example" for number in range(count)]
        for name in names:
            headway(ev.RepositoryStarted(name, "m"))
        out = Console(file=io.StringIO(), width=120, height=40, force_terminal=True)
        begun = time.process_time()
        out.print(board.board(out, headway.values(), {ev.Outcome.DONE: names}))
        return time.process_time() - begun

    assert growth(spent, 3_000) < 2, "what no screen has room for is not put together"


@pytest.mark.usefixtures("_uncollected")
def test_speaking_to_a_host_costs_no_look_at_all_the_others() -> None:
    def spent(count: int) -> float:
        hosts = [values.host(f"h{number}") for number in range(count)]
        with closing(Pool({"ssh": lambda host, _dial: MemoryTransport(MemoryHost(host.address))})) as pool:
            begun = time.process_time()
            for host in (*hosts, *hosts):
                assert pool.session(host).alive
            return time.process_time() - begun

    assert growth(spent, 300) < WORST
