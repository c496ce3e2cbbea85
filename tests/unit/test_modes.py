"""`file_mode`: which permissions files bear on a child, whatever those of its parent's are."""

from pathlib import Path

import pytest

from sshsync.errors import ConfigError
from sshsync.model import events as ev
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World, configure

FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"big": b"B" * 3_000_000}
NARROW = CHAIN.replace("[proxy]", "[proxy]\nfile_mode = 0640").replace("[node2]", "[node2]\nfile_mode = 600")
ROOTS = {"master": b"/m/", "proxy": b"/p/", "node1": b"/n/", "node2": b"/n/"}


def filled(world: World) -> World:
    for number, (key, data) in enumerate(FILES.items()):
        world.host("master").put(b"/m/" + key, data, mode=(0o644, 0o666, 0o755, 0o444)[number])
    return world


def modes(world: World, host: str) -> set[int]:
    return {file.mode for path, file in world.host(host).files.items() if path.startswith(ROOTS[host]) and b".sshsync" not in path}


def settled(world: World, text: str) -> dict[str, str]:
    """Run twice, and return how each repository ended in the second run, in which nothing may change."""
    assert world.run(text=text).exit_code == 0
    report = world.run(text=text).report
    assert [event for kind in (ev.Published, ev.Adjusted) for event in world.seen(kind)] == []
    return {job.name: str(job.outcome) for job in report.jobs}


def test_files_bear_the_mode_that_is_asked_for_and_hand_it_on(world: World) -> None:
    assert set(settled(filled(world), NARROW).values()) == {"unchanged"}
    assert [modes(world, host) for host in ("proxy", "node1", "node2")] == [{0o640}, {0o640}, {0o600}]
    assert len(modes(world, "master")) == 4, "the parent is left as it is"
    assert world.run(text=NARROW, dry_run=True).exit_code == 0


def test_what_is_there_already_is_adjusted_and_taken_back(world: World) -> None:
    assert set(settled(filled(world), CHAIN).values()) == {"unchanged"}
    assert world.run(text=CHAIN).exit_code == 0
    assert world.run(text=NARROW, dry_run=True).exit_code == 11, "that nothing differed held for other options"
    assert set(settled(world, NARROW).values()) == {"unchanged"}
    assert [modes(world, host) for host in ("proxy", "node1", "node2")] == [{0o640}, {0o640}, {0o600}]
    assert set(settled(world, CHAIN).values()) == {"unchanged"}
    assert {host: modes(world, host) for host in ROOTS} == dict.fromkeys(ROOTS, modes(world, "master"))


@pytest.mark.parametrize("pipeline", ["no", "yes"])
def test_no_file_is_ever_visible_with_a_wider_mode(world: World, pipeline: str) -> None:
    filled(world)
    text = NARROW.replace("[DEFAULT]", f"[DEFAULT]\npipeline = {pipeline}")
    seen: set[int] = set()

    def look() -> None:
        seen.update(*(modes(world, host) for host in ("proxy", "node1", "node2")))

    for host in ("proxy", "node1", "node2"):
        world.host(host).watch = look
        for name in ("publish", "mark", "delete", "discard"):
            world.host(host).faults += [Fault("none", name, nth, first=look, then=look) for nth in range(1, 6)]
    assert world.run(text=text).exit_code == 0
    look()
    assert seen == {0o640, 0o600}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("4755", "setuid, setgid and the sticky bit are never set"),
        ("01777", "setuid, setgid and the sticky bit are never set"),
        ("0040", "its own account has to read a file"),
        ("640x", "must be permissions in octal such as 0640"),
        ("u=rw", "must be permissions in octal such as 0640"),
        ("0800", "must be permissions in octal such as 0640"),
    ],
)
def test_a_mode_that_cannot_be_is_told_with_its_line(tmp_path: Path, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configure(CHAIN.replace("[proxy]", f"[proxy]\nfile_mode = {value}"), tmp_path)
