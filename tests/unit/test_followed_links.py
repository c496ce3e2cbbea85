"""`links = follow` through whole runs: what links lead to below the root arrives under their names, and nothing else does."""

import pytest

from sshsync.core.links import followed, own
from sshsync.kinds.leads import Followed
from sshsync.errors import ConfigError, SshsyncError
from sshsync.model import events as ev
from sshsync.model.change import Changes, Delete
from sshsync.model.item import Item, Snapshot
from sshsync.transports.memory import Tools
from tests.conftest import CHAIN, World

FOLLOW = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nlinks = follow\ndelete = yes\nmax_delete = 100%")
LINKS = {b"current": b"releases/2/x", b"d/up": b"../a", b"whole": b"/m/a", b"line\nfeed": b"a", b"\xff": b"d/b", b"twice": b"current", b"by way": b"d/../a"}
ASTRAY = {b"out": b"/secret", b"dir": b"d", b"loop": b"loop", b"gone": b"not/there", b"stage": b".sshsync/x"}
FILES = {b"a": b"alpha", b"d/b": b"beta", b"releases/1/x": b"one", b"releases/2/x": b"two"}
MEANT = {**FILES, b"current": b"two", b"d/up": b"alpha", b"whole": b"alpha", b"line\nfeed": b"alpha", b"\xff": b"beta", b"twice": b"two", b"by way": b"alpha"}
ROOTS = {"proxy": b"/p", "node1": b"/n", "node2": b"/n"}


def filled(world: World, links: dict[bytes, bytes] = LINKS) -> World:
    world.fill("master", b"/m", FILES)
    world.host("master").put(b"/secret", b"SECRET")
    for name, target in links.items():
        world.host("master").link(b"/m/" + name, target)
    return world


def shown(world: World, host: str) -> dict[bytes, bytes]:
    return world.host(host).below(ROOTS[host])


def failed(world: World) -> dict[tuple[str, str], str]:
    return {(event.repository, event.name): event.reason for event in world.seen(ev.ItemFailed)}


@pytest.mark.parametrize("tools", [Tools(), Tools(stat="busybox", cutters=()), Tools(stat="perl", programs=Tools().programs - {"readlink", "resolve", "printf"})])
def test_what_they_lead_to_arrives_and_a_second_run_changes_nothing(world: World, tools: Tools) -> None:
    for host in ("master", *ROOTS):
        world.host(host).tools = tools
    filled(world)
    result = world.run(text=FOLLOW)
    assert result.exit_code == 0, failed(world)
    assert [shown(world, host) for host in ROOTS] == [MEANT] * 3
    for _ in range(2):
        assert [str(job.outcome) for job in world.run(text=FOLLOW).report.jobs] == ["unchanged"] * 3


def test_a_link_that_leads_to_another_file_brings_that_one(world: World) -> None:
    filled(world)
    assert world.run(text=FOLLOW).exit_code == 0
    master = world.host("master")
    master.unlink(b"/m/current")
    master.link(b"/m/current", b"releases/1/x")
    master.put(b"/m/d/b", b"another beta")
    result = world.run(text=FOLLOW)
    assert result.exit_code == 0
    assert [shown(world, host) for host in ROOTS] == [{**MEANT, b"current": b"one", b"twice": b"one", b"d/b": b"another beta", b"\xff": b"another beta"}] * 3
    assert {name for event in world.seen(ev.Published) for name, _, _ in event.items} == {"current", "twice", "d/b", "\udcff"}


def test_what_leads_astray_is_blocked_by_name_and_what_stands_in_its_place_stays(world: World) -> None:
    filled(world, LINKS | ASTRAY)
    world.host("master").put(b"/m/.sshsync/x", b"staged")
    world.fill("proxy", b"/p", {b"out": b"old", b"dir/x": b"old", b"gone": b"old", b"lost": b"old"})
    assert world.run(text=FOLLOW).exit_code == 7
    reasons = {name: reason for (repository, name), reason in failed(world).items() if repository == "proxy"}
    assert {name: reason.partition(" (")[0] for name, reason in reasons.items()} == {
        "out": "leads outside of the repository",
        "dir": "leads to a directory: only files are taken",
        "loop": "leads to nothing that can be reached",
        "gone": "leads to nothing that can be reached",
        "stage": "leads to staging, where nothing is verified yet",
    }
    assert shown(world, "proxy").items() >= {b"out": b"old", b"dir/x": b"old", b"gone": b"old"}.items()
    assert all(shown(world, "proxy")[key] == data for key, data in MEANT.items())
    assert b"SECRET" not in {data for host in ROOTS for data in shown(world, host).values()}


def test_who_does_not_follow_gets_none_beside_one_who_does(world: World) -> None:
    """Both take from the master itself."""
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 100%").replace("[node1]", "[node1]\nlinks = follow").replace("parent = proxy", "parent = master")
    filled(world, {b"current": b"releases/2/x"})
    assert world.run("proxy,node1,node2", text=text).exit_code == 0, failed(world)
    assert shown(world, "node1") == {**FILES, b"current": b"two"}
    assert shown(world, "node2") == shown(world, "proxy") == FILES
    assert [str(job.outcome) for job in world.run("proxy,node1,node2", text=text).report.jobs] == ["unchanged"] * 3


def test_below_a_parent_that_copies_them_nobody_follows(world: World) -> None:
    with pytest.raises(ConfigError, match=r"\[node1\] takes what links lead to, and its parent proxy copies links as they are"):
        world.sync(CHAIN.replace("[proxy]", "[proxy]\nlinks = copy").replace("[node1]", "[node1]\nlinks = follow"))


def test_a_link_that_is_turned_to_a_secret_while_it_is_read_brings_nothing(world: World) -> None:
    """It is read by its name; but what is published is what was listed and digested."""
    filled(world, {b"current": b"releases/2/x"})
    master = world.host("master")

    def turned() -> None:
        if master.started[-1] in ("read", "ranges", "ranges-by") and master.links.get(b"/m/current") != b"/secret":
            master.unlink(b"/m/current")
            master.link(b"/m/current", b"/secret")

    master.watch = turned
    world.run(text=FOLLOW)
    assert master.links[b"/m/current"] == b"/secret", "the law was tried"
    for host in ROOTS:
        assert b"SECRET" not in shown(world, host).values()
    master.watch = lambda: None
    assert world.run(text=FOLLOW).exit_code == 7
    assert "outside" in failed(world)["proxy", "current"]


def test_a_host_that_cannot_tell_where_links_lead_is_told_of(world: World) -> None:
    filled(world)
    world.host("master").tools = Tools(cutters=(), programs=Tools().programs - {"resolve"})
    result = world.run(text=FOLLOW)
    assert result.exit_code == 6
    assert "has neither a readlink that knows -f nor perl, which links = follow needs" in str(world.seen(ev.Unfit))


def test_where_no_link_is_told_of_nothing_is_changed() -> None:
    assert own(Snapshot("m", b"/m", {})).items == {}
    found = followed(Snapshot("m", b"/m", {}), Changes((), ()), lambda _key: True)
    assert found == Changes((), ())


def test_where_a_link_leads_astray_nothing_is_deleted() -> None:
    gone = tuple(Delete(Item(key, None)) for key in (b"a", b"a/b", b"c"))
    found = followed(Snapshot("m", b"/m", {}, astray={b"a": "why", b"z": "why"}), Changes(gone, ()), lambda key: key != b"z")
    assert [change.key for change in found.changes] == [b"c"]
    assert [problem.key for problem in found.blocked] == [b"a"]


@pytest.mark.parametrize("record", [b"astray ./x", b"astray elsewhere ./x", b"astray outside x", b"astray outside ./"])
def test_a_word_about_a_link_that_no_host_says_refuses_the_listing(record: bytes) -> None:
    with pytest.raises(SshsyncError):
        Followed("m").take(record)
