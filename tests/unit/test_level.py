"""Links that are level: both listings are what they were when nothing differed, so nobody reads them."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sshsync.core import algorithm
from sshsync.engine import sights
from sshsync.model import events as ev
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World, configure
from tests.unit.test_costs import FILES, ROOTS, Counted, settled

READ = {"cached", "verified", "learn", "forget"}
"""What of the records is as long as the listings."""


def level(world: World, text: str = CHAIN) -> None:
    """Bring all in sync, and let a run see it."""
    settled(world, text)
    Counted.asked.clear()
    assert world.run(text=text).exit_code == 0


def read(world: World, *stages: str, **more: object) -> tuple[int, list[tuple[str, str]]]:
    """Run, and return the exit code and of whom records about items were read."""
    Counted.asked.clear()
    result = world.run(*stages, journal=Counted, **more)  # type: ignore[arg-type]
    return result.exit_code, sorted(found for found in Counted.asked if found[0] in READ)


def told(world: World) -> list[object]:
    """Return what was scanned and planned, but for moments."""
    scanned = [(e.repository, e.items, e.bytes, e.skipped, e.omitted, e.hashed, e.complete) for e in world.seen(ev.Scanned)]
    return [sorted(scanned), sorted(map(repr, world.seen(ev.Planned)))]


def test_a_listing_that_is_what_it_was_is_not_read_and_says_the_same(world: World) -> None:
    level(world)
    before = told(world)
    size = (world.directory / "state" / "journal.sqlite").stat().st_size
    for dry_run in (False, True):
        assert read(world, dry_run=dry_run) == (0, [])
        assert told(world) == before
        assert world.seen(ev.Remarked) == []
    assert (world.directory / "state" / "journal.sqlite").stat().st_size - size < 16384, "the events of runs only"
    with world.sync() as sync:
        assert {row.outcome for row in sync.status()} == {"unchanged"}


def test_what_is_left_out_of_a_listing_that_nobody_reads_is_told_all_the_same(world: World) -> None:
    def left_out(text: str = CHAIN) -> dict[str, int]:
        assert read(world, text=text) == (0, [])
        return {many: count for e in world.seen(ev.Scanned) if e.repository == "master" for _, count, _, many in e.omitted}

    for name in (b"/m/to-\xff", b"/m/d/link"):
        world.host("master").link(name, b"/elsewhere")
    world.host("master").make(b"/m/void\n")
    level(world)
    assert left_out() == {"links": 2, "empty directories": 1}
    narrow = CHAIN.replace("[proxy]", "[proxy]\nexclude = to-*")
    level(world, narrow)
    assert left_out(narrow) == {"links": 1, "empty directories": 1}, "nobody has to hear of what is excluded"
    assert world.run(text=CHAIN).exit_code == 0
    assert left_out() == {"links": 2, "empty directories": 1}


CHANGES: dict[str, Callable[[World], object]] = {
    "another content": lambda world: world.host("node1").put(b"/n/a", b"other"),
    "equal size and time": lambda world: world.host("node1").put(b"/n/a", b"ALPHA"),
    "gone": lambda world: world.host("node1").files.pop(b"/n/a"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_on_a_child_is_mended_whatever_its_parent_was(world: World, change: str) -> None:
    level(world)
    CHANGES[change](world)
    code, asked = read(world)
    assert code == 0
    assert world.host("node1").below(b"/n") == FILES
    assert {name for _, name in asked} == {"proxy", "node1"}, "who has nothing to do with it is not read"
    assert [event.copied for event in map(_reported(world), ("proxy", "node2"))] == [0, 0]
    assert world.host("proxy").started.count("list") == 2, "a listing in each run: it is opened and not listed anew"
    assert read(world)[0] == 0
    assert read(world) == (0, [])


def _reported(world: World) -> Callable[[str], object]:
    with world.sync() as sync:
        return sync.history().repositories.__getitem__


def test_what_changed_on_the_master_goes_down_the_chain(world: World) -> None:
    level(world)
    world.host("master").put(b"/m/a", b"other")
    assert read(world)[0] == 0
    for name in ("proxy", "node1", "node2"):
        assert world.host(name).below(ROOTS[name])[b"a"] == b"other"


def test_a_parent_is_opened_once_for_all_its_children(world: World) -> None:
    level(world)
    for name in ("node1", "node2"):
        world.host(name).put(b"/n/a", b"other")
    Counted.asked.clear()
    assert world.run("node1,node2", journal=Counted).exit_code == 0
    assert Counted.asked["cached", "proxy"] == 1


@pytest.mark.parametrize("option", ["exclude = d/**", "include = a", "delete = yes"])
def test_who_asks_for_something_else_is_not_level(world: World, option: str) -> None:
    world.fill("node1", b"/n", {b"more": b"more"})
    level(world)
    text = CHAIN.replace("[node1]", f"[node1]\n{option}")
    assert read(world, text=text)[0] == 0
    planned = {event.repository: event for event in world.seen(ev.Planned)}
    assert planned["node1"].excluded + planned["node1"].delete > 0
    assert (b"more" in world.host("node1").below(b"/n")) == (option != "delete = yes")


def test_what_is_not_as_it_was_verified_stays_so_in_every_run(world: World) -> None:
    level(world)
    world.host("proxy").put(b"/p/a", b"other")
    for _ in range(3):
        assert world.run("node1,node2").exit_code == 7
        assert {event.reason for event in world.seen(ev.ItemFailed)} == {"its copy on proxy is not the verified one: synchronize proxy, too"}


def test_a_parent_that_lost_all_is_refused(world: World) -> None:
    level(world)
    world.host("master").files.clear()
    assert world.run().exit_code == 9


def test_a_file_that_may_still_change_under_its_stamp_is_read_in_every_run(world: World) -> None:
    level(world)
    master = world.host("master")
    master.clock = lambda: master.files[b"/m/a"].ctime_ns / 1e9 + 1
    master.put(b"/m/a", b"other")
    for _ in range(3):
        code, asked = read(world)
        assert (code, ("cached", "master") in asked) == (0, True)


def test_what_was_published_a_moment_ago_is_level_as_soon_as_a_run_saw_it(world: World) -> None:
    """The records vouch for it under its stamp since it was published: no later look would find out more."""
    world.fill("master", b"/m", FILES)
    for name in ROOTS:
        if name != "master":
            world.host(name).clock = lambda: 1_650_000_001.0
    for _ in range(2):
        assert world.run().exit_code == 0
    assert read(world) == (0, [])


def test_without_records_all_is_looked_at_anew(world: World) -> None:
    level(world)
    for file in (world.directory / "state").glob("journal*"):
        file.unlink()
    assert world.run().exit_code == 0
    assert all(event.hashed == event.bytes for event in world.seen(ev.Scanned))


def test_a_verification_reads_all_of_it(world: World) -> None:
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndigest_cache = no")
    level(world, text)
    world.host("node1").files[b"/n/a"].data = b"ALPHA"
    assert world.run(text=text).exit_code == 0
    assert world.host("node1").below(b"/n") == FILES


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_child_is_listed_while_its_master_is(world: World, dry_run: bool) -> None:
    settled(world)
    together = threading.Barrier(2)
    for name in ("master", "proxy"):
        world.host(name).faults.append(Fault("none", "list", first=lambda: together.wait(20)))
    assert world.run("proxy", dry_run=dry_run).exit_code == 0
    assert not together.broken


def test_where_one_works_at_a_time_the_master_is_looked_at_first(world: World) -> None:
    settled(world)
    assert world.run(text=f"max_parallel = 1\n{CHAIN}").exit_code == 0
    assert [event.repository for event in world.seen(ev.Scanned)][:2] == ["master", "proxy"]


def test_what_is_wrong_with_the_master_is_told_before_what_is_wrong_with_the_child(world: World) -> None:
    settled(world)
    for name in ("master", "proxy"):
        world.host(name).faults.append(Fault("fail", "list", words=b"broken"))
    assert world.run("proxy").report.repositories["proxy"].outcome == "blocked"


def test_what_vanishes_while_a_listing_is_opened_is_deleted_nowhere(world: World) -> None:
    """Digests that are not on record any more are made when it is opened: a file that is gone then is no news of a deletion."""
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 100%")
    level(world, text)
    proxy, node = world.host("proxy"), world.host("node1")
    node.put(b"/n/a", b"other")
    with world.sync(text) as sync:
        repository = sync.config.tree.repositories["proxy"]
        with sync.journal.writing([]):
            sync.journal.forget(repository, algorithm.maker(repository), list(FILES))
    proxy.faults.append(Fault("none", "digest", first=lambda: [proxy.files.pop(path) for path in (b"/p/d/b", b"/p/d/e/c")]))
    assert world.run("node1", text=text).exit_code == 0
    assert node.below(b"/n") == FILES
    assert any("the listing is incomplete" in event.text for event in world.seen(ev.Remarked))


def test_ten_thousand_children_that_want_the_same_are_asked_once(tmp_path: Path) -> None:
    """For each thing that a parent holds and that is no item, those who take from it are asked whether they want it."""
    text = "[m]\nhost = m\npath = /m\n[n[00001-10000]]\nhost = n{n}\npath = /n\nparent = m\n[picky]\nhost = p\npath = /n\nparent = m\nexclude = *.tmp\n"
    tree = configure(text, tmp_path).tree
    assert [one.name for one in sights.takers(tree, tree.repositories["m"])] == ["n10000", "picky"]
