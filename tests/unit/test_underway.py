"""What the journal tells of big files on their way: it saves a look at the parent, and nobody believes it."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sshsync.model import events as ev
from sshsync.model.records import Underway
from sshsync.transports.memory import Fault
from tests.conftest import World
from tests.unit.test_parts import BIG, CHUNK, RETRY, moved, parts

THERE = 1 << 20
"""Where a chunk ends, however long the chunks are."""


@pytest.fixture
def broken(world: World) -> World:
    """A file of which a run brought the first MiB before it gave up."""
    world.fill("master", b"/m", {b"big": BIG})
    world.fill("proxy", b"/p", {})
    fail(world, THERE)
    return world


def fail(world: World, after: int, carried: int = 0) -> None:
    """Have a run give up after so many bytes more, in which a part was carried on so many times before."""
    proxy = world.host("proxy")
    proxy.faults[:] = [Fault("short", "store", after=after), *[Fault("refuse", "carry-on", nth=carried + 1) for _ in range(99)]]
    assert world.run("proxy", text=RETRY).exit_code == 75
    proxy.faults.clear()
    for host in world.hosts.values():
        host.started.clear()


def known(world: World) -> tuple[Underway, ...]:
    with world.sync(RETRY) as sync:
        return sync.journal.underway(sync.config.tree.repositories["proxy"])


def looks(world: World) -> int:
    """Return how often the parent was asked about pieces of its file."""
    return sum(world.host("master").started.count(script) for script in ("chunks", "pieces"))


def spoil(world: World, statement: str) -> None:
    with closing(sqlite3.connect(world.directory / "state" / "journal.sqlite")) as db:
        db.execute(statement)
        db.commit()


def test_what_was_sent_is_known_and_the_parent_is_not_read_for_it(broken: World) -> None:
    (one,) = known(broken)
    assert (one.key, one.digest, one.size, one.sent) == (b"big", "sha256:" + hashlib.sha256(BIG).hexdigest(), len(BIG), THERE)
    assert broken.run("proxy", text=RETRY).exit_code == 0
    assert broken.host("proxy").below(b"/p") == {b"big": BIG}
    assert moved(broken) == len(BIG) - THERE
    assert looks(broken) == 0
    assert known(broken) == (), "what is published is not on its way"
    assert not parts(broken)


def test_what_came_in_several_runs_is_known_of_all_of_them(broken: World) -> None:
    fail(broken, THERE, carried=1)
    assert known(broken)[0].sent == 2 * THERE
    assert broken.run("proxy", text=RETRY).exit_code == 0
    assert moved(broken) == len(BIG) - 2 * THERE
    assert looks(broken) == 0
    assert broken.host("proxy").below(b"/p") == {b"big": BIG}


FORGED = {
    "forged": "UPDATE sent SET chunk = randomblob(20)",
    "elsewhere": "UPDATE sent SET start = start + 1, length = length - 1",
    "too few": "DELETE FROM sent WHERE start > 0",
    "lost": "DELETE FROM sent",
}


@pytest.mark.parametrize("statement", list(FORGED.values()), ids=list(FORGED))
def test_what_the_journal_tells_is_not_believed(broken: World, statement: str) -> None:
    spoil(broken, statement)
    assert broken.run("proxy", text=RETRY).exit_code == 0
    assert broken.host("proxy").below(b"/p") == {b"big": BIG}
    assert moved(broken) <= len(BIG) - THERE + CHUNK, "it costs a look at the parent's file"
    assert looks(broken) > 0
    assert known(broken) == ()


def test_what_rotted_since_is_sent_again(broken: World) -> None:
    (part,) = parts(broken)
    file = broken.host("proxy").files[part]
    file.data = b"rotten" + file.data[6:]
    assert broken.run("proxy", text=RETRY).exit_code == 0
    assert broken.host("proxy").below(b"/p") == {b"big": BIG}
    assert moved(broken) <= len(BIG) - THERE + CHUNK


def other(world: World) -> None:
    world.host("master").put(b"/m/big", BIG[::-1])


def gone(world: World) -> None:
    world.host("master").unlink(b"/m/big")
    world.fill("master", b"/m", {b"small": b"small"})


def cleared(world: World) -> None:
    for part in parts(world):
        world.host("proxy").unlink(part)


@pytest.mark.parametrize("change", [other, gone, cleared])
def test_what_is_not_wanted_or_not_there_any_more_goes(broken: World, change: Callable[[World], None]) -> None:
    change(broken)
    (before,) = known(broken)
    for refused in ("publish", ""):
        broken.host("proxy").faults[:] = [Fault("refuse", refused) for _ in range(9)] if refused else []
        assert broken.run("proxy", text=RETRY).exit_code == (75 if refused else 0)
        assert [one for one in known(broken) if (one.digest, one.chunks) == (before.digest, before.chunks)] == []
    assert broken.host("proxy").below(b"/p") == broken.host("master").below(b"/m")
    assert known(broken) == ()
    assert not parts(broken)


def test_a_part_stays_as_long_as_it_is_wanted(broken: World) -> None:
    for _ in range(3):
        before = parts(broken)
        broken.host("proxy").faults[:] = [Fault("refuse", "carry-on") for _ in range(9)]
        assert broken.run("proxy", text=RETRY).exit_code == 75
        assert len(before) == len(parts(broken)) == 1
        assert known(broken)[0].sent == THERE
    broken.host("proxy").faults.clear()
    assert broken.run("proxy", text=RETRY).exit_code == 0
    assert moved(broken) == len(BIG) - THERE


def test_a_dry_run_forgets_nothing(broken: World) -> None:
    before = known(broken)
    assert broken.run("proxy", text=RETRY, dry_run=True).exit_code == 11
    assert known(broken) == before


def test_chunks_that_overlap_count_once() -> None:
    assert Underway(b"a", "sha256:1", 100, ((0, 10, "00"), (5, 10, "00"), (7, 2, "00"), (20, 5, "00"))).sent == 20


def test_small_files_leave_no_trace(world: World) -> None:
    world.fill("master", b"/m", {b"%d" % number: b"small" for number in range(9)})
    assert world.run("proxy").exit_code == 0
    assert world.seen(ev.Sent) == []


def status(config: Path, *words: str) -> list[str]:
    command = [sys.executable, "-m", "sshsync", "status", "--config", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (6, 7), "the nodes never ran"
    return done.stdout.splitlines()


def test_nothing_is_said_to_be_there_of_a_file_that_vanished_while_it_came(world: World) -> None:
    world.fill("master", b"/m", {b"big": BIG})
    master, proxy = world.host("master"), world.host("proxy")
    proxy.faults += [Fault("short", "store", after=THERE), Fault("none", "carry-on", first=lambda: master.unlink(b"/m/big"))]
    assert world.run("proxy", text=RETRY).exit_code != 0
    assert not [path for path in proxy.files if b"/.sshsync/part/" in path]
    assert not known(world)


def test_nothing_is_said_to_be_there_of_what_was_cleared_away_for_its_room(broken: World) -> None:
    """A disk that is full is given back what a file that does not fit had taken."""
    proxy = broken.host("proxy")
    proxy.faults += [Fault("fail", "store", words=b"cat: write error: No space left on device")]
    assert broken.run("proxy", text=RETRY).exit_code == 6
    assert not [path for path in proxy.files if b"/.sshsync/part/" in path]
    assert not known(broken)


def test_status_tells_how_much_of_which_file_is_there(broken: World) -> None:
    config = broken.directory / "some.conf"
    text = RETRY.replace("stable_for = 0", "stable_for = 0\nuser = tester")
    config.write_text(f"[sshsync]\nstate_dir = {broken.directory / 'state'}\n{text}")
    config.chmod(0o600)
    contacted = [host.started.copy() for host in broken.hosts.values()]
    assert "proxy: big 1.0 MB of 4.0 MB is there" in status(config)
    rows = {row["name"]: row["arriving"] for row in json.loads(status(config, "--json")[0])["repositories"]}
    assert rows == {"proxy": [{"name": "big", "size": len(BIG), "there": THERE}], "node1": [], "node2": []}
    assert [host.started for host in broken.hosts.values()] == contacted, "nobody is asked"
    assert broken.run("proxy", text=RETRY).exit_code == 0
    assert not [line for line in status(config) if "is there" in line]
