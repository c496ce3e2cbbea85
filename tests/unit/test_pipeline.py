"""Children that take from a parent while that is still being synchronized."""

import random
import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sshsync.engine import owner
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.report import lines
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

FLOWING = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 2\npipeline = yes")
BIG = random.Random(7).randbytes(6_000_000)
FILES = {b"a": b"alpha", b"big": BIG, b"d/b": b"beta", b"e": b"epsilon"}
ENDS = (("proxy", b"/p"), ("node1", b"/n"), ("node2", b"/n"))


@pytest.fixture
def chain(world: World) -> World:
    world.text = FLOWING
    world.fill("master", b"/m", FILES)
    return world


def held(world: World) -> list[dict[bytes, bytes]]:
    return [world.host(name).below(root) for name, root in ENDS]


def told_of(event: threading.Event) -> list[Fault]:
    """Have an event set when something of a big file was written; some of these go down with a connection that breaks."""
    scripts = ("store", "assemble", "assemble-by")
    return [Fault("none", script, then=event.set) for script in scripts for _ in range(3)]


def test_everything_arrives_and_is_told_once(chain: World) -> None:
    result = chain.run()
    assert result.exit_code == 0
    assert held(chain) == [FILES] * 3
    for name, _ in ENDS:
        told = result.report.repositories[name]
        assert (told.outcome, told.copied, told.planned_copies, told.unchanged) == (Outcome.DONE, 4, 4, 0)
        plans = [event for event in chain.seen(ev.Planned) if event.repository == name]
        assert lines.line(plans[0]) == f"{name}: 4 to copy (6.0 MB), 0 unchanged"
        assert name == "proxy" or lines.line(plans[-1]) == f"{name}: nothing more to do, 0 unchanged"
    assert chain.run().exit_code == 0
    assert {entry.outcome for entry in chain.run().report.jobs} == {Outcome.UNCHANGED}


def test_a_node_has_small_files_before_its_parent_has_a_big_one(chain: World) -> None:
    node = chain.host("node1")
    arrived = threading.Event()
    node.faults.append(Fault("none", "publish", then=arrived.set))
    chain.host("proxy").faults.append(Fault("none", "store", first=lambda: arrived.wait(30)))
    assert chain.run().exit_code == 0
    assert arrived.is_set()
    assert held(chain) == [FILES] * 3


def test_a_node_gets_ready_while_its_parent_does(chain: World) -> None:
    """Both look for room, take their lease and look into staging at the same time: down a chain none waits for that."""
    ready = threading.Event()
    waited: list[bool] = []
    chain.host("node1").faults.append(Fault("none", "claim", then=ready.set))
    chain.host("proxy").faults.append(Fault("none", "room", first=lambda: waited.append(ready.wait(10))))
    assert chain.run("proxy", "node1").exit_code == 0
    assert waited == [True]
    assert held(chain)[:2] == [FILES] * 2


def test_a_parent_that_has_no_room_leaves_its_node_as_it_is(chain: World) -> None:
    """Though the node got ready for it."""
    chain.host("node1").make(b"/n")
    chain.host("node1").put(b"/n/own", b"own")
    chain.host("proxy").size = 100_000
    result = chain.run("proxy", "node1")
    assert [result.report.repositories[name].outcome for name in ("proxy", "node1")] == [Outcome.REFUSED, Outcome.BLOCKED]
    assert chain.host("node1").below(b"/n") == {b"own": b"own"}
    assert not [path for path in chain.host("node1").files if b"/.sshsync/" in path]


def test_small_files_do_not_wait_behind_a_big_one_that_is_not_shown_yet(chain: World) -> None:
    """Its parent shows them when the node has all of the big one, and that one not before the node shows them."""
    whole, shown = threading.Event(), threading.Event()
    came: list[int] = []
    waited: list[bool] = []
    chain.host("node1").faults.append(Fault("none", "publish", then=shown.set))
    chain.host("proxy").faults += [
        Fault("none", "publish", first=lambda: whole.wait(30)),
        Fault("none", "digest", 2, first=lambda: waited.append(shown.wait(30))),
    ]

    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Progress) and event.repository == "node1":
            came.append(event.bytes)
            if sum(came) >= len(BIG):
                whole.set()

    assert chain.run("proxy", "node1", sinks=[sink]).exit_code == 0
    assert held(chain)[:2] == [FILES] * 2
    assert waited == [True]


def test_a_node_reads_a_big_file_while_its_parent_receives_it(chain: World) -> None:
    reads = threading.Event()
    chain.host("node1").faults += told_of(reads)
    proxy = chain.host("proxy")
    proxy.faults += [Fault("short", "store", after=3_000_000), Fault("none", "carry-on", first=lambda: reads.wait(30))]
    assert chain.run("proxy", "node1").exit_code == 0
    assert reads.is_set()
    assert held(chain)[:2] == [FILES] * 2
    progress = [event.repository for event in chain.events if isinstance(event, ev.Progress)]
    assert "node1" in progress[: len(progress) - 1 - progress[::-1].index("proxy")], "both move at once"


def test_what_a_parent_gives_up_a_node_keeps_for_the_next_run(chain: World) -> None:
    chain.text = FLOWING.replace("[node1]", "[node1]\ndelete = yes")
    chain.fill("node1", b"/n", {b"extra": b"mine"})
    much = threading.Event()
    came: list[int] = []
    node, proxy = chain.host("node1"), chain.host("proxy")
    proxy.faults += [
        Fault("short", "store", after=3_000_000),
        Fault("none", "carry-on", first=lambda: much.wait(30)),
        *(Fault("refuse", "store") for _ in range(9)),
    ]

    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Progress) and event.repository == "node1":
            came.append(event.bytes)
            if sum(came) > 1_500_000:
                much.set()

    result = chain.run("proxy", "node1", sinks=[sink])
    assert much.is_set()
    told = result.report.repositories
    assert told["proxy"].outcome is not Outcome.DONE
    assert told["node1"].outcome not in (Outcome.DONE, Outcome.UNCHANGED)
    assert node.below(b"/n") == {b"a": b"alpha", b"d/b": b"beta", b"e": b"epsilon", b"extra": b"mine"}
    proxy.faults.clear()
    assert chain.run("proxy", "node1").exit_code == 0
    assert node.below(b"/n") == FILES
    moved = sum(event.bytes for event in chain.seen(ev.Progress) if event.repository == "node1")
    assert moved < len(BIG) - 1_000_000, "what was there is not sent again"


def test_a_node_that_fails_holds_up_nobody(chain: World) -> None:
    chain.host("node1").faults += [Fault("refuse", "unpack") for _ in range(20)]
    told = chain.run().report.repositories
    assert (told["proxy"].outcome, told["node2"].outcome) == (Outcome.DONE, Outcome.DONE)
    assert told["node1"].outcome is Outcome.FAILED


def test_a_parent_that_cannot_be_reached_is_waited_for_by_nobody(chain: World) -> None:
    chain.host("proxy").faults += [Fault("refuse", "list") for _ in range(99)]
    told = chain.run().report.repositories
    assert told["proxy"].outcome is Outcome.FAILED
    assert {told["node1"].outcome, told["node2"].outcome} == {Outcome.BLOCKED}


def test_a_file_that_changes_meanwhile_ends_as_it_is(chain: World) -> None:
    new = b"new" + BIG[3:]
    master, proxy = chain.host("master"), chain.host("proxy")
    proxy.faults += [Fault("none", "store", then=lambda: master.put(b"/m/big", new))]
    assert chain.run().exit_code == 0
    assert held(chain)[0][b"big"] in (BIG, new)
    assert chain.run().exit_code == 0
    assert held(chain) == [{**FILES, b"big": new}] * 3


def test_what_came_of_a_version_that_the_master_overwrote_does_not_stay(chain: World) -> None:
    """The node has read half of a big file when its parent loses the connection, and the master another version of it."""
    new = random.Random(8).randbytes(4_000_000) + BIG[:3_000_000]
    reads = threading.Event()
    master, proxy, node = (chain.host(name) for name in ("master", "proxy", "node1"))
    node.faults += told_of(reads)

    def overwrite() -> None:
        assert reads.wait(30)
        master.put(b"/m/big", new)

    proxy.faults += [Fault("short", "store", after=3_000_000), Fault("none", "carry-on", first=overwrite)]
    assert chain.run("proxy", "node1").exit_code == 0
    assert held(chain)[:2] == [{**FILES, b"big": new}] * 2
    assert not [path for host in (proxy, node) for path in host.files if b"/.sshsync/part/" in path]


def test_a_chain_of_three_flows_through(world: World) -> None:
    world.text = FLOWING.replace("[node2]\n", "[node2]\n").replace("parent = proxy", "parent = node1", 2).replace("parent = node1", "parent = proxy", 1)
    world.fill("master", b"/m", FILES)
    assert world.run("proxy", "node1", "node2").exit_code == 0
    assert held(world) == [FILES] * 3


class Broken(BaseException):
    """What ends a process."""


@pytest.mark.parametrize("kind", [ev.Published, ev.RepositoryFinished])
def test_whoever_follows_does_not_wait_for_a_run_that_broke_off(chain: World, kind: type) -> None:
    def sink(event: ev.Event) -> None:
        if isinstance(event, kind) and event.repository == "proxy":
            raise Broken

    with pytest.raises(Broken):
        chain.run(sinks=[sink])
    assert chain.run().exit_code == 0
    assert held(chain) == [FILES] * 3


SCRIPTS = ["list", "store", "unpack", "publish", "digest", "staged", "carry-on", "ranges", "read", "chunks", "lease", "mark"]
TROUBLE = st.tuples(st.sampled_from(["master", "proxy", "node1", "node2"]), st.sampled_from(SCRIPTS), st.integers(1, 3))
BREAKS = st.sampled_from([("refuse", 0), ("lose", 0), ("short", 70_000), ("short", 900_000), ("flip", 0)])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TROUBLE, BREAKS), max_size=6), st.booleans())
def test_whatever_breaks_nobody_is_better_off_than_his_parent(tmp_path_factory, troubles, deletes) -> None:
    world = World(tmp_path_factory.mktemp("pipeline"), FLOWING.replace("pipeline", "delete = yes\nmax_delete = 100%\npipeline") if deletes else FLOWING)
    world.fill("master", b"/m", {**FILES, b"big": BIG[:2_000_000]})
    world.fill("node1", b"/n", {b"big": BIG[:2_000_000], b"own": b"own"})
    for (host, script, nth), (kind, after) in troubles:
        world.host(host).faults.append(Fault(kind, script, nth, after))
    here = replace(owner.here(), rest=lambda _seconds: None)
    told = world.run(here=here).report.repositories
    good = (Outcome.DONE, Outcome.UNCHANGED)
    for node in ("node1", "node2"):
        assert told["proxy"].outcome in good or told[node].outcome not in good
        if told[node].outcome in good:
            assert world.host(node).below(b"/n").items() >= world.host("proxy").below(b"/p").items()
    for name in ("master", "proxy", "node1", "node2"):
        world.host(name).faults.clear()
    assert world.run().exit_code == 0
    for name, root in ENDS:
        assert world.host(name).below(root).items() >= world.host("master").below(b"/m").items()
        assert deletes <= (b"own" not in world.host(name).below(root))
