"""Policies and executors may cost time, never the truth: what is reported holds whatever started when."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sshsync import builtin
from sshsync.core.publication import Publication, each, whole
from sshsync.core.ready import Flowing, Ready, barrier
from sshsync.engine import owner
from sshsync.engine.context import Context
from sshsync.engine.run import Asked, Run
from sshsync.engine.sinks import FanOut, Folding, Keeping
from sshsync.executors.base import Executor
from sshsync.executors.serial import Serial
from sshsync.executors.threads import Threads
from sshsync.model import events as ev
from sshsync.model.events import GOOD, Outcome
from sshsync.model.order import Ended
from sshsync.model.plan import Job, Plan
from sshsync.model.report import RunReport
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

Started = Collection[Job]
Finished = Mapping[Job, Ended]
STAGES = [["proxy"], ["node1", "node2"]]
FILES = {b"a": b"alpha", b"d/b": b"beta"}


def lead(world: World, ready: Ready, executor: Executor, publication: Publication = each) -> RunReport:
    """Run the whole chain under a policy of the test's own."""
    asking, sync = world.asking()
    folding = Folding()
    emit = FanOut([Keeping(sync.journal.keep, "r1", time.time), folding, world.events.append])
    tree = sync.config.tree
    kinds = {name: kind() for name, (kind, _) in builtin.KINDS.items()}
    appliers = {name: make(asking, sync.config.settings) for name, (_, make) in builtin.KINDS.items()}
    context = Context(tree, asking, kinds, appliers, publication, sync.journal, emit, owner.here())
    with closing(sync), closing(asking.pool), sync.journal.writing(tree.repositories.values()):
        folding.report.exit_code = Run(context, executor, ready, Asked("r1", sync.plan(STAGES))).start(folding.report)
    return folding.report


def eager(plan: Plan, started: Started, finished: Finished) -> tuple[Job, ...]:
    """Start everything at once."""
    return tuple(job for job in plan.jobs if job not in started)


def backwards(plan: Plan, started: Started, finished: Finished) -> tuple[Job, ...]:
    """Start the last first."""
    return tuple(job for job in reversed(plan.jobs) if job not in started)[:1]


def repeating(plan: Plan, started: Started, finished: Finished) -> tuple[Job, ...]:
    """Name what has started and finished long since again and again."""
    return plan.jobs


def flowing(plan: Plan, started: Started, finished: Finished) -> tuple[Job, ...]:
    """Start the nodes with their parent."""
    return Flowing(lambda job: job.parent == "proxy")(plan, started, finished)


POLICIES = {"flowing": flowing, "barrier": barrier, "eager": eager, "backwards": backwards, "repeating": repeating}


@pytest.mark.parametrize("executor", [Serial(), Threads(4)], ids=["serial", "threads"])
@pytest.mark.parametrize("policy", POLICIES)
def test_whatever_a_policy_starts_early_waits_for_what_its_parent_offers(world: World, policy: str, executor: Executor) -> None:
    """A child that began on its parent's old state would be in sync with that, and the run would say so."""
    world.fill("master", b"/m", FILES)
    assert lead(world, POLICIES[policy], executor).exit_code == 0
    world.host("master").put(b"/m/new", b"came on friday")
    report = lead(world, POLICIES[policy], executor)
    assert report.exit_code == 0
    held = {**FILES, b"new": b"came on friday"}
    assert [world.host(name).below(root) for name, root in (("proxy", b"/p"), ("node1", b"/n"), ("node2", b"/n"))] == [held] * 3
    assert {job.as_of for job in report.jobs} == {report.repositories["proxy"].as_of}


@pytest.mark.parametrize("policy", POLICIES)
def test_nobody_is_reported_better_than_his_parent(world: World, policy: str) -> None:
    world.fill("master", b"/m", FILES)
    lead(world, barrier, Serial())
    world.host("master").put(b"/m/new", b"new")
    world.host("proxy").faults += [Fault("refuse", "unpack") for _ in range(40)]
    world.text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 1")
    report = lead(world, POLICIES[policy], Threads(3))
    assert report.exit_code != 0
    assert report.repositories["proxy"].outcome not in GOOD
    assert {job.outcome for job in report.jobs if job.name != "proxy"} <= {Outcome.PARTIAL, Outcome.BLOCKED}


@pytest.mark.parametrize("started", [[], ["node1", "node2"], ["proxy"]], ids=["nothing", "children only", "the first only"])
def test_what_a_policy_never_starts_is_a_failure_that_says_so(world: World, started: list[str]) -> None:
    def lame(plan: Plan, begun: Started, finished: Finished) -> tuple[Job, ...]:
        return tuple(job for job in plan.jobs if job.repository in started and job not in begun)

    world.fill("master", b"/m", FILES)
    report = lead(world, lame, Serial())
    assert report.exit_code == 5
    left = {"proxy", "node1", "node2"} - {"proxy" if "proxy" in started else ""}
    assert {job.name for job in report.jobs if job.outcome is Outcome.FAILED} == left
    assert all("bug" in report.repositories[name].error for name in left)


def test_a_policy_sees_how_each_job_ended(world: World) -> None:
    seen: list[dict[str, Outcome]] = []

    def watching(plan: Plan, started: Started, finished: Finished) -> tuple[Job, ...]:
        seen.append({job.repository: ended.outcome for job, ended in finished.items()})
        return barrier(plan, started, finished)

    world.fill("master", b"/m", FILES)
    world.host("node1").faults += [Fault("refuse", "") for _ in range(20)]
    world.text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 1")
    lead(world, watching, Serial())
    assert seen[0] == {}
    assert {"proxy": Outcome.DONE} in seen
    assert seen[-1] == {"proxy": Outcome.DONE, "node1": Outcome.FAILED, "node2": Outcome.DONE}


def test_many_children_of_a_slow_master_hold_up_nobody_of_another(world: World) -> None:
    """More of them than are synchronized side by side, all of which wait for one look."""
    world.text = (
        "[DEFAULT]\nstable_for = 0\n[slow]\nhost = slow\npath = /m\n[quick]\nhost = quick\npath = /m\n"
        "[a[01-40]]\nhost = a{n}\npath = /a\nparent = slow\n[z]\nhost = z\npath = /z\nparent = quick\n"
    )
    for name in ("slow", "quick"):
        world.fill(name, b"/m", {b"f": b"f"})
    shown = threading.Event()
    waited: list[bool] = []
    world.host("z").faults.append(Fault("none", "publish", then=shown.set))
    world.host("slow").faults.append(Fault("none", "list", first=lambda: waited.append(shown.wait(20))))
    nodes = ",".join(f"a{number:02}" for number in range(1, 41))
    assert world.run(f"{nodes},z").exit_code == 0
    assert waited == [True]


def test_a_parent_is_looked_at_once_and_by_the_first_who_needs_it(world: World) -> None:
    world.fill("master", b"/m", FILES)
    lead(world, barrier, Threads(4))
    scanned = [event.repository for event in world.events if isinstance(event, ev.Scanned)]
    assert sorted(scanned) == sorted(["master", "proxy", "proxy", "node1", "node1", "node2", "node2"]), "a child whose root is made is listed twice"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.sampled_from([None, "proxy", "node1"]))
def test_any_policy_any_order_and_any_trouble_tell_the_truth(tmp_path_factory, chance, trouble: str | None) -> None:
    world = World(tmp_path_factory.mktemp("world"), CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 1"))

    def moody(plan: Plan, started: Started, finished: Finished) -> tuple[Job, ...]:
        left = [job for job in plan.jobs if job not in started]
        chance.shuffle(left)
        return tuple(left[: chance.randint(0 if len(started) > len(finished) else 1, len(left))]) if left else ()

    world.fill("master", b"/m", FILES)
    if trouble:
        world.host(trouble).faults += [Fault("refuse", "unpack") for _ in range(20)]
    report = lead(world, moody, Serial())
    holds = {name: world.host(name).below(root) == FILES for name, root in (("proxy", b"/p"), ("node1", b"/n"), ("node2", b"/n"))}
    assert {job.name: job.outcome in GOOD for job in report.jobs} == holds
    assert (report.exit_code == 0) == all(holds.values())


@pytest.mark.parametrize("publication", [each, whole], ids=["each", "whole"])
def test_when_something_is_published_is_a_policy(world: World, publication: Publication) -> None:
    """Several loads: many small files in packs, and big ones."""
    files = {b"s%d" % n: b"%d" % n for n in range(1500)} | {b"big%d" % n: bytes([n]) * (1 << 20) for n in range(3)}
    world.fill("master", b"/m", files)
    visible: list[int] = []
    begun = threading.Event()
    if publication is whole:
        begun.set()

    def watch(staged) -> Iterator:
        for group in publication(staged):
            visible.append(len(world.host("proxy").below(b"/p")))
            begun.set()
            yield group

    # The last file comes later than any load waits for others.
    world.host("proxy").faults.append(Fault("none", "store", 3, first=lambda: begun.wait(20)))

    report = lead(world, barrier, Serial(), watch)
    assert report.exit_code == 0
    assert [world.host(name).below(root) for name, root in (("proxy", b"/p"), ("node1", b"/n"), ("node2", b"/n"))] == [files] * 3
    before = [count for count in visible if count < len(files)]
    assert (before == [0]) == (publication is whole), "until the last is verified, nobody sees the first"
    assert not [name for name in world.host("proxy").below(b"/p") if name.startswith(b".sshsync")]
