"""Runs that go about their stages otherwise than the configuration says: like another repository, and no further than well."""

import pytest

from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.model.plan import Job, Manner, Plan
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

LIKE = Manner(like="node1")


def filled(world: World, text: str = CHAIN) -> World:
    world.fill("master", b"/m", {b"a": b"new", b"b": b"new"})
    world.fill("proxy", b"/p", {})
    world.fill("node1", b"/n", {b"a": b"of the node"})
    world.fill("node2", b"/n", {b"b": b"other"})
    return world


def go(world: World, *stages: str, manner: Manner, dry_run: bool = False):
    with world.sync() as sync:
        return sync.run([stage.split(",") for stage in stages], manner=manner, dry_run=dry_run)


def test_a_repository_becomes_like_any_other_one(world: World) -> None:
    """Its own parent is not asked, nor that of the other one."""
    result = go(filled(world), "node2", manner=LIKE)
    assert result.exit_code == 0
    assert world.host("node2").below(b"/n") == {b"a": b"of the node", b"b": b"other"}
    assert world.hosts["proxy"].started == [] and world.hosts["master"].started == []
    assert [event.like for event in world.seen(ev.RunStarted)] == ["node1"]


def test_even_its_own_parent_becomes_like_it(world: World) -> None:
    result = go(filled(world), "proxy", manner=LIKE)
    assert result.exit_code == 0
    assert world.host("proxy").below(b"/p") == {b"a": b"of the node"}


def test_a_master_does_too(world: World) -> None:
    result = go(filled(world), "master", manner=Manner(like="node2"))
    assert (result.exit_code, world.host("master").below(b"/m")[b"b"]) == (0, b"other")


@pytest.mark.parametrize(
    ("stages", "like", "error", "words"),
    [
        ((["node1"],), "node1", UsageError, "cannot be made like itself"),
        ((["node2"],), "nobody", UnknownRepositoryError, "unknown repository"),
        ((["nobody"],), "node1", UnknownRepositoryError, "unknown repository"),
    ],
)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(world: World, stages, like: str, error: type, words: str) -> None:
    with filled(world).sync() as sync, pytest.raises(error, match=words):
        sync.run(stages, manner=Manner(like=like))
    assert all(host.started == [] for host in world.hosts.values())


def test_it_is_resumed_as_it_was_asked_for(world: World) -> None:
    filled(world).host("node2").faults.append(Fault("fail", "publish"))
    assert go(world, "node2", manner=LIKE).exit_code != 0
    world.host("node2").faults.clear()
    with world.sync() as sync:
        plan = sync.unfinished()
        assert plan == Plan(((Job("node2", "node1", 0),),), LIKE)
        assert plan.command == "sshsync --sync node2 --like node1"
        result = sync.run(plan.names, manner=plan.manner)
    assert result.exit_code == 0
    assert world.host("node2").below(b"/n")[b"a"] == b"of the node"


def test_the_same_stages_like_nobody_are_another_run(world: World) -> None:
    filled(world).host("node2").faults.append(Fault("fail", "publish"))
    assert go(world, "node2", manner=LIKE).exit_code != 0
    world.host("node2").faults.clear()
    world.events.clear()
    go(world, "node2", manner=Manner())
    assert [event.continued for event in world.seen(ev.RunStarted)] == [False]


def test_no_stage_begins_after_one_that_did_not_end_well(world: World) -> None:
    """The rest of the same stage does."""
    filled(world)
    assert go(world, "proxy", manner=Manner()).exit_code == 0
    world.host("node1").faults.append(Fault("fail", "publish"))
    world.events.clear()
    result = go(world, "node1", "node2", manner=Manner(halt=True))
    ended = {event.repository: event for event in world.seen(ev.RepositoryFinished)}
    assert (ended["node1"].outcome, ended["node2"].outcome) == (Outcome.FAILED, Outcome.BLOCKED)
    assert ended["node2"].error == "node1 is failed: no stage begins after one that did not end well (--halt)"
    assert world.host("node2").below(b"/n") == {b"b": b"other"}
    assert result.exit_code == ended["node1"].code

    world.host("node1").faults.clear()
    with world.sync() as sync:
        plan = sync.unfinished()
        assert plan.manner == Manner(halt=True)
        assert sync.run(plan.names, manner=plan.manner).exit_code == 0
    assert world.host("node2").below(b"/n")[b"a"] == b"new"


def test_without_being_asked_every_stage_begins(world: World) -> None:
    filled(world)
    assert go(world, "proxy", manner=Manner()).exit_code == 0
    world.host("node1").faults.append(Fault("fail", "publish"))
    go(world, "node1", "node2", manner=Manner())
    assert world.host("node2").below(b"/n")[b"a"] == b"new"
