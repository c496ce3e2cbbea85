"""The engine over hosts that lack something: tools, room, capitals; and over roots with links."""

from dataclasses import replace

import pytest

from sshsync.model import events as ev
from sshsync.transports.memory import Fault, Tools
from tests.conftest import CHAIN, World

FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"odd '$(x)\n\xff\\": b"odd", b"big": b"B" * 3_000_000}
RICH = Tools()
RETRY = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 3")
OUTSIDE = {b"/elsewhere/a": b"precious", b"/elsewhere/b": b"too"}


def filled(world: World) -> World:
    world.fill("master", b"/m", FILES)
    return world


def outside(world: World, host: str) -> dict[bytes, bytes]:
    return {path: file.data for path, file in world.host(host).files.items() if path.startswith(b"/elsewhere/")}


@pytest.mark.parametrize("master", ["gnu", "busybox", "bsd", "perl"])
@pytest.mark.parametrize("proxy", ["gnu", "busybox", "bsd", "perl"])
def test_any_two_forms_of_stat_work_together(world: World, master: str, proxy: str) -> None:
    filled(world)
    world.host("master").tools, world.host("proxy").tools = replace(RICH, stat=master), replace(RICH, stat=proxy)
    assert world.run("proxy").exit_code == 0
    assert world.host("proxy").below(b"/p") == FILES
    assert [job.outcome for job in world.run("proxy").report.jobs] == ["unchanged"]
    world.run("proxy")
    assert {event.hashed for event in world.seen(ev.Scanned)} == {0}, "the times that it prints are good enough for the cache"


@pytest.mark.parametrize("command", ["sha256sum", "shasum -a 256", "openssl dgst -r -sha256"])
def test_whatever_computes_a_digest_computes_the_same(world: World, command: str) -> None:
    filled(world).host("proxy").tools = replace(RICH, digests=(("sha256", command),))
    assert world.run("proxy").exit_code == 0
    assert world.host("proxy").below(b"/p") == FILES


def test_a_host_that_cannot_compute_the_digest_fails_alone(world: World) -> None:
    filled(world).host("node1").tools = replace(RICH, digests=(("md5", "md5sum"),))
    report = world.run("proxy", "node1,node2").report
    assert [report.repositories[name].outcome for name in ("proxy", "node1", "node2")] == ["done", "failed", "done"]
    assert "cannot compute sha256" in report.repositories["node1"].error
    assert world.host("node1").below(b"/n") == {}
    assert not {"unpack", "store"} & set(world.host("node1").started), "nothing is sent that can never be verified"


@pytest.mark.parametrize("tool", ["find", "mv", "touch", "cat"])
def test_a_host_without_a_tool_that_the_work_needs_is_told_before_anything_changes(world: World, tool: str) -> None:
    filled(world).host("proxy").tools = replace(RICH, programs=RICH.programs - {tool})
    report = world.run("proxy").report
    assert report.repositories["proxy"].outcome == "failed"
    assert f"lacks {tool}" in report.repositories["proxy"].error
    assert set(world.host("proxy").started) == {"probe"}


def test_a_child_without_tar_is_given_each_file_by_itself(world: World) -> None:
    filled(world).host("proxy").tools = replace(RICH, programs=RICH.programs - {"tar"})
    result = world.run("proxy", text=RETRY)
    assert "unpack" not in world.host("proxy").started
    assert result.exit_code == 0
    assert world.host("proxy").below(b"/p") == FILES


def test_a_host_that_cannot_flush_is_told_of(world: World) -> None:
    filled(world).host("proxy").tools = replace(RICH, sync="")
    report = world.run("proxy", "node1").report
    assert report.exit_code == 0
    assert [bool(report.repositories[name].notices) for name in ("proxy", "node1")] == [True, False]
    assert "durability not confirmed" in report.repositories["proxy"].notices[0]


def test_what_will_not_fit_is_refused_before_a_byte_moves(world: World) -> None:
    proxy = filled(world).host("proxy")
    proxy.make(b"/p")
    proxy.size = 2_000_000
    report = world.run("proxy", text=RETRY).report
    assert (report.repositories["proxy"].outcome, report.repositories["proxy"].moved) == ("refused", 0)
    assert "are free: nothing was moved" in report.repositories["proxy"].error
    assert not {"unpack", "store"} & set(proxy.started)
    proxy.size = 4_000_000
    assert world.run("proxy", text=RETRY).exit_code == 0
    assert proxy.below(b"/p") == FILES


def test_a_disk_that_somebody_else_fills_meanwhile_is_permanent_and_in_the_hosts_words(world: World) -> None:
    proxy = filled(world).host("proxy")
    proxy.make(b"/p")
    proxy.size = 4_000_000
    proxy.faults.append(Fault("none", "store", first=lambda: proxy.put(b"/elsewhere", b"x" * 2_000_000)))
    report = world.run("proxy", text=RETRY).report
    assert report.repositories["proxy"].outcome == "failed"
    assert "No space left on device" in report.repositories["proxy"].error
    assert not world.seen(ev.Retried)
    assert not [path for path in proxy.files if b".sshsync" in path], "nothing half fills the disk on"
    proxy.remove(b"/elsewhere")
    assert world.run("proxy", text=RETRY).exit_code == 0
    assert proxy.below(b"/p") == FILES


def test_names_that_differ_in_case_only_are_refused_where_they_are_one(world: World) -> None:
    world.fill("master", b"/m", {b"Read": b"one", b"READ": b"two", b"other": b"x"})
    for host in ("proxy", "node1"):
        world.host(host).make({"proxy": b"/p", "node1": b"/n"}[host])
    world.host("proxy").folds = True
    report = world.run("proxy").report
    assert report.repositories["proxy"].outcome == "partial"
    assert world.host("proxy").below(b"/p") == {b"other": b"x"}
    assert sorted(problem.name for problem in report.repositories["proxy"].problems) == ["READ", "Read"]


def test_links_of_a_master_are_skipped_and_counted(world: World) -> None:
    master = filled(world).host("master")
    master.link(b"/m/link", b"/elsewhere")
    master.link(b"/m/d/to a file", b"/m/a")
    assert world.run("proxy").exit_code == 0
    assert [event.skipped for event in world.seen(ev.Scanned) if event.repository == "master"] == [2]
    assert world.host("proxy").below(b"/p") == FILES
    assert not world.host("proxy").links


def test_a_link_in_a_child_is_never_gone_through(world: World) -> None:
    proxy = filled(world).host("proxy")
    for path, data in OUTSIDE.items():
        proxy.put(path, data)
    proxy.link(b"/p/d", b"/elsewhere")
    report = world.run("proxy", text=RETRY).report
    assert report.repositories["proxy"].outcome == "partial"
    assert "symbolic link" in str(report.repositories["proxy"].problems)
    assert outside(world, "proxy") == OUTSIDE
    assert proxy.links == {b"/p/d": b"/elsewhere"}


@pytest.mark.parametrize("name", [b".sshsync", b".sshsync/batch"])
def test_staging_that_leads_elsewhere_is_refused(world: World, name: bytes) -> None:
    proxy = filled(world).host("proxy")
    for path, data in OUTSIDE.items():
        proxy.put(path, data)
    proxy.link(b"/p/" + name, b"/elsewhere")
    report = world.run("proxy", text=RETRY).report
    assert report.repositories["proxy"].outcome == "failed"
    assert "is not a directory of ours" in report.repositories["proxy"].error
    assert outside(world, "proxy") == OUTSIDE
    assert proxy.below(b"/p") == {}


def test_a_root_that_is_a_link_is_gone_to_once(world: World) -> None:
    proxy = filled(world).host("proxy")
    proxy.make(b"/real/place")
    proxy.link(b"/p", b"/real/place")
    assert world.run("proxy").exit_code == 0
    assert proxy.below(b"/real/place") == FILES
