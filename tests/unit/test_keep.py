"""`keep`: what a run replaced or deleted is put aside on the child, and what the last runs put aside stays there."""

from dataclasses import replace
from datetime import datetime

import pytest

from sshsync.core import guard, naming
from sshsync.errors import ConfigError
from sshsync.model import events as ev
from sshsync.model.change import Changes, Copy, Delete, Replace
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.remote import room
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World, configure

FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"line\nfeed": b"odd", b"-rf": b"x", b"\xff\xfe": b"y", b"it's": b"q", b"big": b"B" * 1_500_000}
OTHERS = {key: data + b" and more" for key, data in FILES.items()}
DELETE = "delete = yes\nmax_delete = 100%\n"
OWN = b"/p/.sshsync/replaced/"


def keeping(number: int, more: str = "") -> str:
    """Return a chain whose proxy puts aside what the last so many runs replaced or deleted there."""
    return CHAIN.replace("[proxy]", f"[proxy]\nkeep = {number}\n{more}")


def kept(world: World, host: str = "proxy", own: bytes = OWN) -> list[dict[bytes, bytes]]:
    """Return what is kept, by run, the oldest first."""
    files = world.host(host).files
    found: dict[bytes, dict[bytes, bytes]] = {}
    for path in sorted(path for path in files if path.startswith(own)):
        run, _, key = path[len(own) :].partition(b"/")
        found.setdefault(run, {})[key] = files[path].data
    return list(found.values())


def filled(world: World, text: str, files: dict[bytes, bytes] = FILES) -> World:
    world.fill("master", b"/m", files)
    assert world.run("proxy", text=text).exit_code == 0, world.seen(ev.RepositoryFinished)
    return world


@pytest.mark.parametrize("more", ["", "file_mode = 0640", "pipeline = yes"])
@pytest.mark.parametrize("programs", [True, False], ids=["by a program", "by the shell"])
def test_what_is_replaced_or_deleted_is_put_aside_as_it_was(world: World, programs: bool, more: str) -> None:
    if not programs:
        world.host("proxy").tools = replace(world.host("proxy").tools, cutters=())
    text = keeping(3, DELETE + more)
    filled(world, text)
    assert kept(world) == [], "a first copy replaces nothing"
    before = {path[3:]: file for path, file in world.host("proxy").files.items() if b".sshsync" not in path}
    for key in (b"d/e/c", b"it's"):
        world.host("master").unlink(b"/m/" + key)
    changed = {key: data for key, data in OTHERS.items() if key not in (b"d/e/c", b"it's")}
    filled(world, text, changed)
    assert world.host("proxy").below(b"/p") == changed
    assert kept(world) == [FILES]
    for path, file in world.host("proxy").files.items():
        if path.startswith(OWN):
            old = before[path[len(OWN) :].partition(b"/")[2]]
            assert (file.mode, file.mtime, file.inode) == (old.mode, old.mtime, old.inode), "the very file, as it was"


def test_by_default_nothing_is_put_aside(world: World) -> None:
    filled(world, CHAIN)
    filled(world, CHAIN, OTHERS)
    assert kept(world) == []
    assert world.host("proxy").below(b"/p") == OTHERS


def test_only_what_the_last_runs_put_aside_is_kept(world: World) -> None:
    text = keeping(2)
    for number in range(5):
        filled(world, text, {b"a": b"%d" % number, b"same": b"same"})
    assert kept(world) == [{b"a": b"2"}, {b"a": b"3"}]
    filled(world, keeping(1), {b"a": b"5"})
    assert kept(world) == [{b"a": b"4"}]


def test_a_run_that_changes_nothing_removes_nothing_and_makes_no_directory(world: World) -> None:
    text = keeping(1)
    filled(world, text)
    filled(world, text, OTHERS)
    was = kept(world)
    started = len(world.host("proxy").started)
    filled(world, text, OTHERS)
    assert kept(world) == was == [FILES]
    assert "rotate" not in world.host("proxy").started[started:]
    filled(world, text, {**OTHERS, b"new": b"a copy replaces nothing"})
    assert kept(world) == was


def test_a_run_that_did_not_end_well_removes_nothing(world: World) -> None:
    text = keeping(1)
    filled(world, text, {b"a": b"1", b"b": b"1"})
    filled(world, text, {b"a": b"2", b"b": b"1"})
    world.host("proxy").make(b"/p/b.d")
    world.fill("master", b"/m", {b"a": b"3", b"b.d": b"a directory is in its place"})
    world.host("proxy").put(b"/p/b.d/own", b"own")
    assert world.run("proxy", text=text).exit_code == 7
    assert kept(world) == [{b"a": b"1"}, {b"a": b"2"}]


def test_what_is_kept_stays_when_nothing_is_to_be_kept_any_more(world: World) -> None:
    text = keeping(3)
    filled(world, text)
    filled(world, text, OTHERS)
    filled(world, CHAIN, FILES)
    filled(world, keeping(0), OTHERS)
    assert kept(world) == [FILES]


def test_an_answer_that_is_lost_leaves_the_first_old_version(world: World) -> None:
    text = keeping(1, DELETE)
    filled(world, text)
    world.host("master").unlink(b"/m/a")
    changed = {key: data for key, data in OTHERS.items() if key != b"a"}
    world.host("proxy").faults += [Fault("lose", "publish", 1), Fault("lose", "delete", 1), Fault("lose", "rotate", 1)]
    filled(world, text, changed)
    assert kept(world) == [FILES]


def test_a_file_that_gives_way_to_a_directory_is_put_aside(world: World) -> None:
    text = keeping(1, DELETE)
    filled(world, text, {b"x": b"file", b"d/y": b"deep", b"d/z/a": b"deeper"})
    for key in (b"x", b"d"):
        world.host("master").remove(b"/m/" + key)
    filled(world, text, {b"x/in": b"in", b"d": b"now a file"})
    assert world.host("proxy").below(b"/p") == {b"x/in": b"in", b"d": b"now a file"}
    assert kept(world) == [{b"x": b"file", b"d/y": b"deep", b"d/z/a": b"deeper"}]


def test_what_cannot_be_put_aside_is_not_replaced_and_not_deleted(world: World) -> None:
    text = keeping(1, DELETE)
    filled(world, text)
    world.host("proxy").put(b"/p/.sshsync/replaced", b"a file of somebody's")
    world.host("master").unlink(b"/m/a")
    world.fill("master", b"/m", {b"d/b": b"new"})
    assert world.run("proxy", text=text).exit_code != 0
    assert world.host("proxy").below(b"/p") == FILES


def test_a_link_below_what_is_kept_leads_nowhere(world: World) -> None:
    text = keeping(1)
    filled(world, text)
    host = world.host("proxy")
    host.make(b"/outside")
    host.link(b"/p/.sshsync/replaced", b"/outside")
    world.fill("master", b"/m", OTHERS)
    assert world.run("proxy", text=text).exit_code == 6
    assert host.below(b"/p") == FILES
    assert not [path for path in host.files if path.startswith(b"/outside/")]


def test_clearing_staging_leaves_what_is_kept(world: World) -> None:
    text = keeping(3)
    filled(world, text)
    filled(world, text, OTHERS)
    host = world.host("proxy")
    host.faults.append(Fault("fail", "unpack", 1, words=b"tar: write error: No space left on device"))
    world.fill("master", b"/m", FILES | {b"more": b"more"})
    assert world.run("proxy", text=text).exit_code == 6
    assert kept(world)[0] == FILES
    assert world.run("proxy", text=text).exit_code == 0, world.seen(ev.RepositoryFinished)
    assert kept(world)[0] == FILES


def test_nobody_is_listed_what_is_kept(world: World) -> None:
    text = keeping(3)
    for files in (FILES, OTHERS):
        world.fill("master", b"/m", files)
        assert world.run(text=text).exit_code == 0
    assert kept(world) == [FILES]
    assert world.host("node1").below(b"/n") == OTHERS
    assert kept(world, "node1", b"/n/.sshsync/replaced/") == [], "a child has a number of its own"


def item(key: bytes, size: int) -> Item:
    return Item(key, "md5:" + "0" * 32, Stamp(size, 0, 0, 0), 0o644)


def test_what_is_replaced_makes_no_room_where_it_is_kept() -> None:
    changes = Changes((Replace(item(b"a", 900), item(b"a", 1000)), Copy(item(b"b", 50)), Delete(item(b"c", 5000))), ())
    assert guard.no_room(changes, 1000, keeps=False) is None
    assert guard.no_room(changes, 1049, keeps=True)
    assert guard.no_room(changes, 1050, keeps=True) is None


def test_what_is_kept_counts_as_taken(world: World) -> None:
    text = keeping(3)
    filled(world, text, {b"a": b"A" * 400_000})
    filled(world, text, {b"a": b"B" * 400_000})
    host = world.host("proxy")
    host.size = host.used + 300_000
    world.fill("master", b"/m", {b"a": b"C" * 400_000})
    result = world.run("proxy", text=text)
    assert result.exit_code == 9
    assert "are needed there but" in result.report.repositories["proxy"].error
    assert world.run("proxy", text=CHAIN).exit_code == 9, "nor does what is kept count as room"
    host.size = host.used + 500_000
    assert world.run("proxy", text=text).exit_code == 0
    assert len(kept(world)) == 2


def test_of_what_lies_there_only_staging_counts_as_room() -> None:
    found = room.parse(b"free /dev/x 100 50 10 50% /\nstaged 4\t.sshsync/part\nstaged 3\t.sshsync/batch\n")
    assert found.free == 17 * 1024


@pytest.mark.parametrize("value", ["-1", "x", "1001"])
def test_a_number_that_is_none_is_told(world: World, value: str) -> None:
    with pytest.raises(ConfigError, match="keep"):
        configure(keeping(1).replace("keep = 1", f"keep = {value}"), world.directory)


NOW = datetime(2026, 10, 25, 2, 30, 7)


@pytest.mark.parametrize(
    ("latest", "made"),
    [
        ("", "20261025-023007-00ab"),
        ("20261025-023006-ffff", "20261025-023007-00ab"),
        ("20261025-023007-00aa", "20261025-023007-00ab"),
        ("20261025-023007-00ab", "20261025-023007-00ac"),
        ("20261025-023007-beef", "20261025-023007-bef0"),
        ("20261025-023007-ffff", "20261025-023007-ffff00ab"),
        ("20261025-032959-0001", "20261025-032959-0002"),
        ("20351025-032959-0001", "20261025-023007-00ab"),
        ("of another form", "20261025-023007-00ab"),
    ],
)
def test_names_of_runs_grow_also_when_the_clock_is_set_back(latest: str, made: str) -> None:
    assert naming.run_id(NOW, "00ab", latest) == made


@pytest.mark.parametrize(
    ("latest", "made"), [("", "20261025-023007-0000"), ("20261025-023006-ffff", "20261025-023007-0000"), ("20261025-023007-00aa", "20261025-023007-00aa0"), ("20261025-032959-beef0", "20261025-032959-beef00")]
)
def test_what_is_no_run_is_named_between_two_runs(latest: str, made: str) -> None:
    assert naming.between(NOW, latest) == made > latest
    assert all(naming.run_id(NOW, tail, latest) > made for tail in ("0001", "00aa", "ffff"))
