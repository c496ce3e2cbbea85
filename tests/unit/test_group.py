"""`file_group`: which group files belong to on a child."""

from pathlib import Path

import pytest

from sshsync.errors import ConfigError
from sshsync.model import events as ev
from sshsync.transports.memory import Fault, MemoryHost
from tests.conftest import CHAIN, World, configure

FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"line\nfeed": b"odd", b"-rf": b"x", b"\xff\xfe": b"y", b"group ./a": b"z", b"big": b"B" * 3_000_000}
GROUP = CHAIN.replace("[proxy]", "[proxy]\nfile_group = app").replace("[node2]", "[node2]\nfile_group = web")
ROOTS = {"master": b"/m/", "proxy": b"/p/", "node1": b"/n/", "node2": b"/n/"}


def filled(world: World) -> World:
    world.fill("master", b"/m", FILES)
    return world


def groups(host: MemoryHost, root: bytes) -> set[bytes]:
    return {file.group for path, file in host.files.items() if path.startswith(root) and b".sshsync" not in path}


def everywhere(world: World) -> list[set[bytes]]:
    return [groups(world.host(name), root) for name, root in ROOTS.items()]


def again(world: World, text: str) -> set[str]:
    """Run, and run again; return how the second run ended, in which nothing may change."""
    assert world.run(text=text).exit_code == 0, world.seen(ev.RepositoryFinished)
    report = world.run(text=text).report
    assert [event for kind in (ev.Published, ev.Adjusted) for event in world.seen(kind)] == []
    return {str(job.outcome) for job in report.jobs}


@pytest.mark.parametrize("more", ["", "pipeline = yes", "file_mode = 0640", "delete = yes\nmax_delete = 100%"])
def test_files_arrive_with_the_group_that_is_asked_for(world: World, more: str) -> None:
    text = GROUP.replace("[DEFAULT]", f"[DEFAULT]\n{more}")
    assert again(filled(world), text) == {"unchanged"}
    assert everywhere(world) == [{b""}, {b"app"}, {b""}, {b"web"}], "nobody behind it takes it over"


@pytest.mark.parametrize("stat", ["gnu", "busybox", "bsd", "perl"])
def test_what_is_there_already_is_adjusted_whatever_tells_of_it(world: World, stat: str) -> None:
    for name in ROOTS:
        tools = world.host(name).tools
        world.host(name).tools = type(tools)(stat=stat, programs=tools.programs - ({"printf"} if stat != "gnu" else set()))
    assert again(filled(world), CHAIN) == {"unchanged"}
    assert world.run(text=GROUP, dry_run=True).exit_code == 11, "that nothing differed held for other options"
    assert everywhere(world) == [{b""}] * 4
    assert world.run(text=GROUP).exit_code == 0
    assert sum(len(event.names) for event in world.seen(ev.Adjusted)) == 2 * len(FILES)
    assert world.seen(ev.Published) == []
    assert everywhere(world) == [{b""}, {b"app"}, {b""}, {b"web"}]
    assert again(world, GROUP) == {"unchanged"}


def test_a_file_that_somebody_gave_to_another_group_is_given_back(world: World) -> None:
    again(filled(world), GROUP)
    strange = world.host("proxy").files[b"/p/line\nfeed"]
    strange.group = b"users"
    world.host("proxy").touch(strange)
    assert world.run(text=GROUP).exit_code == 0
    assert [event.names for event in world.seen(ev.Adjusted)] == [["line\nfeed"]]
    assert groups(world.host("proxy"), b"/p/") == {b"app"}


def test_a_group_that_is_not_asked_for_any_more_stays(world: World) -> None:
    again(filled(world), GROUP)
    assert again(world, CHAIN) == {"unchanged"}
    assert everywhere(world)[1] == {b"app"}, "nobody says to whom they belonged before"


@pytest.mark.parametrize("pipeline", ["no", "yes"])
def test_no_file_is_ever_visible_with_another_group(world: World, pipeline: str) -> None:
    filled(world)
    text = CHAIN.replace("[DEFAULT]", f"[DEFAULT]\nfile_group = app\npipeline = {pipeline}")
    seen: set[bytes] = set()

    def look() -> None:
        seen.update(*everywhere(world)[1:])

    for host in ("proxy", "node1", "node2"):
        world.host(host).watch = look
        for name in ("publish", "mark", "delete", "discard"):
            world.host(host).faults += [Fault("none", name, nth, first=look, then=look) for nth in range(1, 6)]
        world.host(host).faults.append(Fault("lose", "publish", 1))
    assert world.run(text=text).exit_code == 0
    look()
    assert seen == {b"app"}
    assert everywhere(world)[0] == {b""}, "a master is left as it is, also where the key stands in [DEFAULT]"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_group_that_the_account_may_not_give_files_to_is_told_before_anything_moves(world: World, dry_run: bool) -> None:
    filled(world)
    world.host("proxy").groups = frozenset({b"users", b"web"})
    report = world.run(text=GROUP, dry_run=dry_run).report
    proxy = next(job for job in report.jobs if job.name == "proxy")
    assert str(proxy.outcome) == "failed"
    assert "proxy: its files cannot be given to the group 'app': " in str(proxy)
    assert "is only in: users web" in str(proxy)
    assert "as root on proxy: usermod -a -G app tester; or name another file_group" in str(proxy)
    assert not {"unpack", "store", "publish", "claim"} & set(world.host("proxy").started)


def test_a_survey_tells_of_a_group_that_cannot_be_given_to(world: World) -> None:
    filled(world)
    world.host("proxy").groups = frozenset({b"users"})
    world.host("node2").tools = type(world.host("node2").tools)(programs=world.host("node2").tools.programs - {"chgrp"})
    with world.sync(GROUP) as sync:
        found = {survey.repository: survey.problem for survey in sync.survey(list(ROOTS))}
    assert "the group 'app'" in found["proxy"]
    assert "usermod -a -G app tester" in found["proxy"]
    assert found["node2"] == "node2: lacks chgrp, which file_group needs"
    assert (found["master"], found["node1"]) == ("", "")


def test_a_file_that_cannot_be_given_away_keeps_the_run_from_saying_that_it_was(world: World) -> None:
    again(filled(world), CHAIN)
    world.host("proxy").faults.append(Fault("answer", "mark", 1, payload=b"failed 0\n", after=1))
    assert world.run(text=GROUP).exit_code == 0
    assert any("mode, time or group of 8 file(s) cannot be set" in event.text for event in world.seen(ev.Remarked))
    assert world.run(text=GROUP).exit_code == 0
    assert groups(world.host("proxy"), b"/p/") == {b"app"}, "the next run tries again"


@pytest.mark.parametrize("value", ["-x", "a:b", "+7", "a/b", "a\tb"])
def test_a_group_that_cannot_be_is_told_with_its_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="file_group: must be the name of a group"):
        configure(CHAIN.replace("[proxy]", f"[proxy]\nfile_group = {value}"), tmp_path)


@pytest.mark.parametrize("value", ["app", "1005", "_www", "DOMAIN\\domain users", "app$"])
def test_groups_of_all_kinds_may_be_named(tmp_path: Path, value: str) -> None:
    config = configure(CHAIN.replace("[proxy]", f"[proxy]\nfile_group = {value}"), tmp_path)
    assert config.tree.repositories["proxy"].file_group == value
