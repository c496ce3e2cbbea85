"""Leases: one controller at a time changes a child, and whoever lost it changes nothing."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core import lease
from sshsync.core.lease import DEAD_AFTER, Here, Owner
from sshsync.engine import owner
from sshsync.executors.serial import Serial
from sshsync.model import events as ev
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

OWNER = Owner("ops1", "machine", "boot", "space", 7, "70", "2026-11-20 22:00:00", "/lock")
LEASE = b"/p/.sshsync/lease/" + b"f" * 16
FILES = {b"a": b"alpha", b"d/b": b"beta"}


class Controller:
    """A world with a clock of its own; `alive` are the processes that it sees."""

    def __init__(self, directory: Path) -> None:
        self.world = World(directory, CHAIN)
        self.world.fill("master", b"/m", FILES)
        self.proxy = self.world.host("proxy")
        self.proxy.make(b"/p")
        self.now = 1_000_000.0
        self.rested: list[float] = []
        self.alive = {7: "70"}
        self.meanwhile = lambda: None

    def leased(self, owner: Owner | None) -> None:
        self.proxy.put(LEASE + b"/n0", b"")
        if owner:
            self.proxy.put(LEASE + b"/owner", owner.text().encode() + b"\n")

    def run(self, *stages: str):
        here = Here(replace(OWNER, pid=8, begun="80"), lambda pid: self.alive.get(pid, ""), lambda: self.now, lambda: self.now, self.rest)
        return self.world.run(*stages, here=here, executor=Serial())

    def rest(self, seconds: float) -> None:
        self.now += seconds
        self.rested.append(seconds)
        self.meanwhile()

    def renew(self) -> None:
        self.proxy.files.pop(LEASE + b"/n0", None)
        self.proxy.put(LEASE + b"/n1", b"")


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def test_a_holder_that_lives_is_left_alone_and_what_is_behind_it_blocked(controller: Controller) -> None:
    controller.leased(OWNER)
    controller.proxy.put(b"/p/held", b"by the other")
    controller.meanwhile = controller.renew
    before = {path: file.data for path, file in controller.proxy.files.items() if b"lease" not in path}
    report = controller.run("proxy", "node1,node2").report
    proxy, node = report.repositories["proxy"], report.repositories["node1"]
    assert (proxy.outcome, proxy.code, node.outcome, node.code) == ("failed", 8, "blocked", 8)
    assert report.exit_code == 8
    assert "another controller (pid 7 on ops1 since 2026-11-20 22:00:00) works on it" in proxy.error
    assert {path: file.data for path, file in controller.proxy.files.items() if b"lease" not in path} == before
    assert len(controller.rested) == 1, "told at the first sign of life"


@pytest.mark.parametrize("gone", [OWNER, replace(OWNER, boot="an earlier start", begun="1")], ids=["process gone", "machine started anew"])
def test_a_holder_known_to_be_dead_is_followed_at_once(controller: Controller, gone: Owner) -> None:
    controller.alive.clear()
    controller.leased(gone)
    assert controller.run().exit_code == 0
    assert controller.rested == []
    assert controller.proxy.below(b"/p") == FILES
    assert not [path for path in controller.proxy.files if b".sshsync" in path]


@pytest.mark.parametrize(
    "other", [None, OWNER, replace(OWNER, machine="other", boot="other"), replace(OWNER, space="other")], ids=["no name", "stopped", "elsewhere", "container"]
)
def test_of_any_other_only_time_tells(controller: Controller, other: Owner | None) -> None:
    controller.leased(other)
    assert controller.run().exit_code == 0
    assert DEAD_AFTER <= sum(controller.rested) < DEAD_AFTER + 10
    assert controller.proxy.below(b"/p") == FILES
    assert len(controller.world.seen(ev.Waiting)) == 1


def test_a_process_that_is_hidden_from_us_is_not_taken_for_dead(controller: Controller) -> None:
    controller.alive[7] = lease.UNKNOWN
    controller.leased(OWNER)
    assert controller.run("proxy").exit_code == 0
    assert sum(controller.rested) >= DEAD_AFTER


def test_an_earlier_run_of_the_same_process_holds_nothing_back(controller: Controller) -> None:
    """Its answer to the release was lost: with the same lock there is only one run at a time."""
    controller.leased(replace(OWNER, pid=8, begun="80"))
    controller.alive[8] = "80"
    assert controller.run("proxy").exit_code == 0
    assert controller.rested == []


def test_processes_are_known_by_number_and_beginning() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        assert owner.begun(child.pid) not in ("", lease.UNKNOWN)
    finally:
        child.kill()
        child.wait()
    assert owner.begun(child.pid) == ""
    assert owner.begun(1 << 40) == ""


def test_who_has_nothing_to_change_asks_nobody(controller: Controller) -> None:
    assert controller.run("proxy").exit_code == 0
    controller.leased(OWNER)
    assert controller.run("proxy").exit_code == 0
    assert controller.rested == []
    assert LEASE + b"/n0" in controller.proxy.files


def test_a_lease_that_is_lost_ends_the_work(controller: Controller) -> None:
    """Taken over between verification and publication."""

    def taken() -> None:
        controller.proxy.remove(b"/p/.sshsync/lease")
        controller.leased(OWNER)

    controller.proxy.faults.append(Fault("none", "publish", first=taken))
    report = controller.run("proxy").report
    assert report.repositories["proxy"].code == 8
    assert "taken it over" in report.repositories["proxy"].error
    assert controller.proxy.below(b"/p") == {}


@pytest.mark.parametrize("script", ["digest", "publish"])
def test_whoever_finds_his_work_gone_is_told_who_took_it(controller: Controller, script: str) -> None:
    """The other controller has ended long since, and left nothing of what was staged before it."""

    def taken_and_ended() -> None:
        controller.proxy.remove(b"/p/.sshsync")

    controller.proxy.faults.append(Fault("fail", script, words=b"cd: can't cd to .sshsync/batch/1-1", first=taken_and_ended))
    report = controller.run("proxy").report
    assert (report.repositories["proxy"].code, report.exit_code) == (8, 8), report.repositories["proxy"].error
    assert "taken it over" in report.repositories["proxy"].error


def test_a_lease_is_given_back_also_when_the_work_fails(controller: Controller) -> None:
    controller.proxy.faults += [Fault("fail", "publish", words=b"no"), Fault("fail", "publish", words=b"no")]
    assert controller.run("proxy").exit_code != 0
    assert not [path for path in controller.proxy.files if b"/lease/" in path]


@given(st.binary(max_size=300) | st.builds(lambda o: json.dumps(o).encode(), st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))))
def test_whatever_a_child_says_of_a_holder_is_read_without_harm(words: bytes) -> None:
    holder = lease.parse(b"token \xff\nowner " + words + b"\nsign n0\n")
    assert holder.owner is None or isinstance(holder.owner.pid, int)


def test_an_owner_survives_the_way_over_a_child() -> None:
    assert lease.parse(b"token 7\nowner " + OWNER.text().encode() + b"\nsign n3\n").owner == OWNER
