"""`empty_dirs`: directories in which nothing lies, made on a child and removed with those that its parent lost."""

import pytest

from sshsync.core.empties import empties
from sshsync.model import events as ev
from sshsync.model.change import Changes, Delete
from sshsync.model.empties import Directories, Empties
from sshsync.model.item import Item, Items, Snapshot
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

HOLLOW = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nempty_dirs = yes")
DELETE = HOLLOW.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 100%")
NAMES = [b"void", b"d/void", b"deep/er/est", b"line\nfeed", b"ends\n", b"-rf", b" x ", b"\xff\xfe", b"$(touch x)", b"'\"", b"back\\slash"]
ROOTS = {"proxy": b"/p", "node1": b"/n", "node2": b"/n"}


def filled(world: World) -> World:
    world.fill("master", b"/m", {b"a": b"alpha", b"d/b": b"beta"})
    for name in NAMES:
        world.host("master").make(b"/m/" + name)
    return world


def directories(world: World, host: str) -> set[bytes]:
    root = {"master": b"/m", **ROOTS}[host] + b"/"
    return {one[len(root) :] for one in world.host(host).directories if one.startswith(root) and b".sshsync" not in one}


def alike(world: World) -> bool:
    return all(directories(world, host) == directories(world, "master") for host in ROOTS)


def outcomes(world: World, text: str) -> set[str]:
    return {str(job.outcome) for job in world.run(text=text).report.jobs}


@pytest.mark.parametrize("more", ["", "pipeline = yes"])
def test_empty_directories_arrive_with_the_files_and_a_second_run_changes_nothing(world: World, more: str) -> None:
    text = HOLLOW.replace("[DEFAULT]", f"[DEFAULT]\n{more}")
    filled(world)
    assert world.run(text=text).exit_code == 0, world.seen(ev.ItemFailed)
    assert alike(world)
    started = [len(world.host(host).started) for host in ROOTS]
    assert outcomes(world, text) == {"unchanged"}
    assert [host for host, before in zip(ROOTS, started, strict=True) if "arrange" in world.host(host).started[before:]] == []


def test_nobody_gets_them_who_does_not_ask(world: World) -> None:
    filled(world)
    assert world.run(text=CHAIN).exit_code == 0
    assert directories(world, "proxy") == {b"d"}
    only = CHAIN.replace("[node1]", "[node1]\nempty_dirs = yes")
    assert world.run(text=only).exit_code == 0
    assert directories(world, "node1") == {b"d"}, "a parent that has none hands none on"


def test_a_change_of_the_key_alone_is_seen(world: World) -> None:
    filled(world)
    for _ in range(2):
        assert world.run(text=CHAIN).exit_code == 0
    assert world.run(text=HOLLOW, dry_run=True).exit_code == 11
    told = {(event.repository, event.kind, event.name) for event in world.seen(ev.PlannedChange)}
    assert ("node2", "make", "deep/er/est") in told
    assert directories(world, "proxy") == {b"d"}, "a dry run makes none"
    assert outcomes(world, HOLLOW) == {"done"}
    assert alike(world)
    assert world.run(text=HOLLOW, dry_run=True).exit_code == 0


def test_what_the_parent_lost_goes_only_where_deletions_are_asked_for_and_only_when_nothing_is_in_it(world: World) -> None:
    filled(world)
    assert world.run(text=HOLLOW).exit_code == 0
    world.host("node1").put(b"/n/void/own", b"somebody's own")
    world.host("node2").link(b"/n/deep/er/link", b"/nowhere")
    for name in (b"void", b"deep/er/est", b"deep/er", b"deep", b"ends\n"):
        world.host("master").rmdir(b"/m/" + name)
    assert outcomes(world, HOLLOW) == {"unchanged"}
    assert b"ends\n" in directories(world, "proxy")
    keep = DELETE.replace("[node1]", "[node1]\nexclude = void")
    assert world.run(text=keep).exit_code == 0
    assert directories(world, "proxy") == directories(world, "master")
    assert directories(world, "node1") - directories(world, "master") == {b"void"}
    assert directories(world, "node2") - directories(world, "master") == {b"deep", b"deep/er"}
    assert outcomes(world, keep) == {"unchanged"}


def test_a_directory_whose_last_file_went_stays_empty_and_one_that_is_filled_is_filled(world: World) -> None:
    filled(world)
    assert world.run(text=DELETE).exit_code == 0
    world.host("master").unlink(b"/m/d/b")
    world.host("master").put(b"/m/void/now", b"now")
    world.host("master").unlink(b"/m/a")
    world.host("master").make(b"/m/a")
    assert world.run(text=DELETE).exit_code == 0
    assert alike(world)
    assert world.host("node2").below(b"/n") == {b"void/now": b"now"}
    assert outcomes(world, DELETE) == {"unchanged"}


def test_a_file_where_a_directory_belongs_is_told_by_name(world: World) -> None:
    filled(world)
    world.fill("proxy", b"/p", {b"void": b"a file"})
    result = world.run("proxy", text=HOLLOW)
    assert result.exit_code == 7
    assert [(event.name, "File exists" in event.reason) for event in world.seen(ev.ItemFailed)] == [("void", True)]
    assert world.host("proxy").files[b"/p/void"].data == b"a file"
    assert b"deep/er/est" in directories(world, "proxy"), "the others are made"
    assert world.run("proxy", text=DELETE).exit_code == 0
    assert directories(world, "proxy") == directories(world, "master")


def test_a_link_on_the_way_is_refused_and_nothing_is_made_behind_it(world: World) -> None:
    filled(world)
    host = world.host("proxy")
    host.make(b"/p")
    host.make(b"/outside")
    host.link(b"/p/deep", b"/outside")
    host.link(b"/p/void", b"/outside")
    result = world.run("proxy", text=DELETE)
    assert result.exit_code == 9
    assert {event.name for event in world.seen(ev.ItemFailed)} == {"deep/er/est", "void"}
    assert all("symbolic link" in event.reason for event in world.seen(ev.ItemFailed))
    assert not [one for one in host.directories if one.startswith(b"/outside/")]


def test_an_answer_that_is_lost_costs_another_try_and_nothing_else(world: World) -> None:
    filled(world)
    world.host("proxy").faults.append(Fault("lose", "arrange", 1))
    assert world.run(text=HOLLOW).exit_code == 0
    assert alike(world)


def test_what_children_take_is_not_told_to_be_left_out(world: World) -> None:
    filled(world)

    def told(text: str) -> dict[str, int]:
        world.run(text=text)
        return {event.repository: event.skipped for event in world.seen(ev.Scanned) if event.repository in ("master", "proxy")}

    assert told(CHAIN) == {"master": len(NAMES), "proxy": 0}
    assert told(HOLLOW) == {"master": 0, "proxy": 0}
    assert told(HOLLOW.replace("[node1]", "[node1]\nempty_dirs = no"))["proxy"] == len(NAMES)


def snapshot(items: set[bytes], every: set[bytes] | None, empty: set[bytes] = set(), **more: object) -> Snapshot:  # noqa: B006
    directories = None if every is None else Directories(frozenset(every), frozenset(empty))
    return Snapshot("r", b"/r", Items(Item(key, "md5:" + "0" * 32) for key in items), directories=directories, **more)  # type: ignore[arg-type]


PARENT = ({b"f/x"}, {b"f", b"e", b"l"}, {b"e"})
CASES = [
    ("nothing is there", PARENT, (set(), set(), set()), (), True, ((b"e",), ())),
    ("all is there", PARENT, ({b"f/x"}, {b"f", b"e"}, {b"e"}), (), True, ((), ())),
    ("something is in there that stays", PARENT, ({b"e/own"}, {b"e"}, set()), (), True, ((), ())),
    ("what is in there goes", PARENT, ({b"e/old"}, {b"e"}, set()), (b"e/old",), True, ((b"e",), ())),
    ("the parent has none of it", PARENT, (set(), {b"g", b"g/h"}, {b"g/h"}), (), True, ((b"e",), (b"g/h", b"g"))),
    ("the parent has one that is not empty", PARENT, (set(), {b"f", b"l", b"e"}, {b"f", b"l", b"e"}), (), True, ((), ())),
    ("what is above keeps a file", PARENT, ({b"g/y"}, {b"e", b"g", b"g/h"}, {b"e", b"g/h"}), (), True, ((), (b"g/h",))),
    ("what is removed is in one that is wanted", PARENT, (set(), {b"e", b"e/i"}, {b"e/i"}), (), True, ((b"e",), (b"e/i",))),
    ("without deletions", PARENT, (set(), {b"g"}, {b"g"}), (), False, ((b"e",), ())),
    ("nobody knows of the parent's", (set(), None), (set(), {b"g"}, {b"g"}), (), True, ((), ())),
    ("nobody knows of the child's", PARENT, (set(), None), (), True, ((), ())),
]


@pytest.mark.parametrize(("parent", "child", "gone", "delete", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_made_and_what_is_removed(parent: tuple, child: tuple, gone: tuple, delete: bool, expected: tuple) -> None:
    changes = Changes(tuple(Delete(Item(key, None)) for key in gone), ())
    found = empties(snapshot(*parent), snapshot(*child), changes, delete=delete, wanted=lambda _key: True)
    assert (found.make, found.remove) == expected


@pytest.mark.parametrize(("whose", "expected"), [("parent", Empties()), ("child", Empties((b"e",)))])
def test_nothing_goes_where_not_all_is_known_and_nothing_comes_that_only_seems_empty(whose: str, expected: Empties) -> None:
    parent, child = snapshot(*PARENT, complete=whose != "parent"), snapshot(set(), {b"g"}, {b"g"}, complete=whose != "child")
    assert empties(parent, child, Changes((), ()), delete=True, wanted=lambda _key: True) == expected


def test_what_is_excluded_neither_comes_nor_goes() -> None:
    parent, child = snapshot(*PARENT), snapshot(set(), {b"g"}, {b"g"})
    assert empties(parent, child, Changes((), ()), delete=True, wanted=lambda key: key not in (b"e/", b"g/")) == Empties()


def test_what_a_parent_will_have_is_what_its_children_are_planned_with(world: World) -> None:
    filled(world)
    assert world.run(text=HOLLOW, dry_run=True).exit_code == 11
    made = {host: {event.name for event in world.seen(ev.PlannedChange) if event.repository == host and event.kind == "make"} for host in ROOTS}
    assert len(set(map(frozenset, made.values()))) == 1
    assert len(made["node1"]) == len(NAMES)


@pytest.mark.parametrize(("text", "seen"), [(HOLLOW, True), (CHAIN, False), (HOLLOW.replace("[proxy]", "[proxy]\nexclude = fresh"), False)])
def test_a_watcher_sees_a_new_one_where_somebody_takes_it(world: World, text: str, seen: bool) -> None:
    filled(world)
    with world.sync(text) as sync:
        plan = sync.plan([["proxy"]])
        before = sync.look(plan).state
        world.host("master").make(b"/m/d/fresh")
        assert (sync.look(plan).state != before) is seen
