"""`restore`: what a run put aside is brought back, verified, in one step; what stands there is kept."""

import pytest

from sshsync.core import kept as versions
from sshsync.errors import HostError, LeasedError, LockedError, SshsyncError, UnknownRepositoryError, UsageError
from sshsync.model import events as ev
from sshsync.model.item import Item
from sshsync.model.kept import Kept, Restored
from sshsync.model.row import Stamp
from sshsync.state.lock import Lock
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World
from tests.unit.test_keep import DELETE, FILES, OTHERS, filled, keeping, kept

TEXT = keeping(3, DELETE)


def restore(world: World, *paths: str, name: str = "proxy", run: str = "", text: str = TEXT) -> list[Restored]:
    with world.sync(text) as sync, sync.visit() as visit:
        return visit.restore(name, paths, run=run)


def listed(world: World, *paths: str, name: str = "proxy", run: str = "", text: str = TEXT) -> list[Kept]:
    with world.sync(text) as sync, sync.visit() as visit:
        return visit.kept(name, paths, run=run)


def seen(world: World) -> dict[bytes, bytes]:
    return world.host("proxy").below(b"/p")


@pytest.fixture
def replaced(world: World) -> World:
    """A proxy on which one run replaced everything, and another one did so again and deleted a file."""
    filled(world, TEXT, {**FILES, b"gone": b"gone"})
    filled(world, TEXT, {**OTHERS, b"gone": b"gone"})
    world.host("master").unlink(b"/m/gone")
    return filled(world, TEXT, {b"a": b"third"})


def test_the_newest_version_comes_back_and_what_stood_there_is_kept(replaced: World) -> None:
    before = len(kept(replaced))
    (done,) = restore(replaced, "a")
    assert (done.reason, done.kept.item.size) == ("", len(OTHERS[b"a"]))
    assert seen(replaced) == {**OTHERS, b"a": OTHERS[b"a"]}
    assert kept(replaced)[before:] == [{b"a": b"third"}]
    assert done.aside == listed(replaced, "a")[0].run
    assert done.digest == done.expected != "", "a run had published it, and that is on record"


def test_a_restore_can_be_undone_by_another_one(replaced: World) -> None:
    restore(replaced, "a")
    (done,) = restore(replaced, "a")
    assert seen(replaced)[b"a"] == b"third"
    assert done.aside
    restore(replaced, "a")
    assert seen(replaced)[b"a"] == OTHERS[b"a"]


def test_a_deleted_file_comes_back_and_the_next_run_deletes_it_again(replaced: World) -> None:
    (done,) = restore(replaced, "gone")
    assert (seen(replaced)[b"gone"], done.aside) == (b"gone", "")
    assert replaced.run("proxy", text=TEXT).exit_code == 0
    assert b"gone" not in seen(replaced)
    assert kept(replaced)[-1] == {b"gone": b"gone"}


def test_the_next_run_brings_the_parents_again_unless_it_is_excluded(replaced: World) -> None:
    (done,) = restore(replaced, "a")
    excluding = TEXT.replace("[proxy]", f"[proxy]\nexclude = {versions.pattern(done.kept.item.key)}")
    assert replaced.run("proxy", text=excluding).exit_code == 0
    assert seen(replaced)[b"a"] == OTHERS[b"a"]
    assert replaced.run("proxy", text=TEXT).exit_code == 0
    assert seen(replaced)[b"a"] == b"third"
    assert kept(replaced)[-1] == {b"a": OTHERS[b"a"]}


def test_what_was_brought_back_is_not_passed_on(replaced: World) -> None:
    assert replaced.run(text=TEXT).exit_code == 0
    restore(replaced, "a")
    assert replaced.run("node1", text=TEXT).exit_code == 7
    assert replaced.host("node1").below(b"/n")[b"a"] == b"third"
    assert replaced.run(text=TEXT).exit_code == 0, "the next whole walk heals it"


def test_an_older_version_is_named_by_its_run(replaced: World) -> None:
    oldest = listed(replaced, "a")[-1]
    restore(replaced, "a", run=oldest.run)
    assert seen(replaced)[b"a"] == FILES[b"a"]
    with pytest.raises(UsageError, match="nothing of a run '1999' is kept on proxy"):
        restore(replaced, "a", run="1999")


@pytest.mark.parametrize("programs", [True, False], ids=["by a program", "by the shell"])
def test_directories_and_patterns_are_brought_back_too(replaced: World, programs: bool) -> None:
    from dataclasses import replace

    if not programs:
        replaced.host("proxy").tools = replace(replaced.host("proxy").tools, cutters=())
    done = restore(replaced, "d/", "*s")
    assert {one.kept.item.key for one in done} == {b"d/b", b"d/e/c", b"it's"}
    assert not any(one.reason for one in done)
    assert seen(replaced) == {**OTHERS, b"a": b"third", **{key: FILES[key] for key in (b"d/b", b"d/e/c", b"it's")}}


def test_modes_and_times_come_back_too(world: World) -> None:
    world.host("master").put(b"/m/a", b"old", mode=0o640, mtime=1_500_000_000)
    assert world.run("proxy", text=TEXT).exit_code == 0
    filled(world, TEXT, {b"a": b"new"})
    restore(world, "a")
    file = world.host("proxy").files[b"/p/a"]
    assert (file.data, file.mode, file.mtime) == (b"old", 0o640, 1_500_000_000)
    assert all(other is not file for path, other in world.host("proxy").files.items() if path != b"/p/a"), "a file of its own"


def test_what_was_changed_on_the_child_is_told_from_what_was_published(world: World) -> None:
    filled(world, TEXT, {b"a": b"published"})
    world.host("proxy").put(b"/p/a", b"changed by hand")
    filled(world, TEXT, {b"a": b"published"})
    (done,) = restore(world, "a")
    assert seen(world)[b"a"] == b"changed by hand"
    assert done.expected not in ("", done.digest)


def test_what_never_was_published_is_not_on_record(world: World) -> None:
    world.fill("proxy", b"/p", {b"a": b"was there before"})
    filled(world, TEXT, {b"a": b"new"})
    (done,) = restore(world, "a")
    assert (done.expected, done.reason) == ("", "")


def test_nothing_is_removed_by_a_restore(world: World) -> None:
    text = keeping(1)
    for number in range(3):
        filled(world, text, {b"a": b"%d" % number})
    restore(world, "a", text=text)
    assert kept(world) == [{b"a": b"1"}, {b"a": b"2"}]


def test_an_answer_that_is_lost_costs_another_try_and_nothing_else(replaced: World) -> None:
    replaced.host("proxy").faults += [Fault("lose", script, 1) for script in ("kept", "make-by", "publish")]
    (done,) = restore(replaced, "a")
    assert (done.reason, seen(replaced)[b"a"], kept(replaced)[-1]) == ("", OTHERS[b"a"], {b"a": b"third"})
    assert not [path for path in replaced.host("proxy").files if path.startswith((b"/p/.sshsync/batch", b"/p/.sshsync/lease"))]


def test_a_copy_that_is_not_what_is_kept_takes_no_place(replaced: World) -> None:
    def spoil() -> None:
        for path, file in replaced.host("proxy").files.items():
            if path.startswith(b"/p/.sshsync/batch/") and path.endswith(b"/a"):
                file.data = b"spoilt"

    replaced.host("proxy").faults.append(Fault("none", "make-by", 1, then=spoil))
    spoilt, good = sorted(restore(replaced, "a", "gone"), key=lambda one: one.kept.item.key)
    assert (spoilt.reason, good.reason) == ("its copy is not what is kept", "")
    assert seen(replaced) == {**OTHERS, b"a": b"third", b"gone": b"gone"}


def test_what_has_no_place_any_more_is_told(replaced: World) -> None:
    replaced.host("proxy").put(b"/p/gone/in", b"in")
    (done,) = restore(replaced, "gone")
    assert done.reason
    assert seen(replaced)[b"gone/in"] == b"in"
    assert not [path for path in replaced.host("proxy").files if path.startswith(b"/p/.sshsync/batch")]


def test_nobody_is_disturbed_who_works_there(replaced: World) -> None:
    with Lock(replaced.directory / "state" / "lock"), pytest.raises(LockedError):
        restore(replaced, "a")
    replaced.host("proxy").put(b"/p/.sshsync/lease/0123456789abcdef/n0", b"")
    with pytest.raises(LeasedError, match="nothing was changed"):
        restore(replaced, "a")
    assert seen(replaced)[b"a"] == b"third"


def test_what_is_not_there_to_bring_back_is_told(replaced: World) -> None:
    with pytest.raises(UsageError, match="nothing of 'no/such' is kept on proxy"):
        restore(replaced, "a", "no/such")
    with pytest.raises(UsageError, match="is kept on master"):
        restore(replaced, "a", name="master")
    with pytest.raises(UnknownRepositoryError):
        restore(replaced, "a", name="nobody")
    with pytest.raises(HostError, match="its root /n is missing"):
        listed(replaced, name="node1")
    assert seen(replaced)[b"a"] == b"third"


def test_the_list_tells_of_every_version_and_changes_nothing(replaced: World) -> None:
    found = listed(replaced)
    assert [(one.item.key, one.item.size) for one in found if one.item.key in (b"a", b"gone")] == [(b"a", 14), (b"a", 5), (b"gone", 4)]
    assert len(found) == len(FILES) + 2
    assert {one.item.key for one in listed(replaced, "d")} == {b"d/b", b"d/e/c"}
    assert {one.run for one in listed(replaced, run=found[0].run)} == {found[0].run}
    assert listed(replaced, name="master") == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"TOKEN root /p\nTOKEN 81a4 3 1.0 1.0 7 ./../../x\nTOKEN 81a4 3 1.0 1.0 7 ./r1/../x\nTOKEN 81a4 3 1.0 1.0 7 ./r1/ok\nTOKEN a1ff 3 1.0 1.0 7 ./r1/link\n", [b"ok"]),
        (b"TOKEN root /p\nTOKEN 81a4 3 1.0 1.0 7 ./r$(x)/a\nTOKEN 81a4 3 1.0 1.0 7 ./r1/d/a\nx\n", [b"d/a\nx"]),
    ],
)
def test_whatever_a_host_tells_of_what_is_kept_only_clean_names_count(world: World, answer: bytes, told: list[bytes]) -> None:
    world.host("proxy").make(b"/p")
    world.host("proxy").faults.append(Fault("answer", "kept", 1, payload=answer))
    assert [one.item.key for one in listed(world)] == told


def test_a_host_that_tells_no_root_is_not_believed(world: World) -> None:
    world.host("proxy").faults.append(Fault("answer", "kept", 1, payload=b"TOKEN 81a4 3 1.0 1.0 7 ./r1/a\n"))
    with pytest.raises(SshsyncError, match="does not tell where its root is"):
        listed(world)


def version(run: str, key: bytes) -> Kept:
    return Kept(run, Item(key, None, Stamp(1, 0, 0, 0), 0o644))


FOUND = [version("1", b"a"), version("2", b"a"), version("1", b"d/a"), version("3", b"d/b/a"), version("1", b"[x]")]


@pytest.mark.parametrize(
    ("path", "keys"),
    [(b"a", {b"a"}), (b"./a", {b"a"}), (b"d", {b"d/a", b"d/b/a"}), (b"d/b/", {b"d/b/a"}), (b"[x]", {b"[x]"}), (b"*", {b"a", b"d/a", b"d/b/a", b"[x]"}), (b"e", set())],
)
def test_what_a_path_means(path: bytes, keys: set[bytes]) -> None:
    assert {one.item.key for one in versions.chosen(FOUND, path, lambda _key: path == b"*")} == keys


def test_of_each_item_the_newest_version_is_meant() -> None:
    assert [(one.item.key, one.run) for one in versions.newest(FOUND)] == [(b"[x]", "1"), (b"a", "2"), (b"d/a", "1"), (b"d/b/a", "3")]
    assert [(one.item.key, one.run) for one in versions.ordered(FOUND)][:3] == [(b"[x]", "1"), (b"a", "2"), (b"a", "1")]


@pytest.mark.parametrize(("key", "made"), [(b"a b", "/a b"), (b"d/*.[j]?\\x", "/d/\\*.\\[j]\\?\\\\x"), (b"!a", "/!a"), (b"x\ny", ""), (b"x ", ""), (b"\xff", "")])
def test_a_pattern_that_excludes_one_name(key: bytes, made: str) -> None:
    from sshsync.kinds import globs

    assert versions.pattern(key) == made
    if made:
        assert not globs.wanted((), (made,))(key)
        assert globs.wanted((), (made,))(b"other")
        assert globs.wanted((), (made,))(b"in/" + key)


def test_when_a_run_began_is_told_by_its_name() -> None:
    from datetime import datetime

    assert versions.begun("20261025-023007-00ab") == datetime(2026, 10, 25, 2, 30, 7).timestamp()
    assert versions.begun("anything") is None


def test_who_reads_while_it_is_restored_sees_the_old_or_the_restored_file(replaced: World) -> None:
    host, told = replaced.host("proxy"), []
    host.watch = lambda: told.append(host.below(b"/p").get(b"a"))
    restore(replaced, "a")
    assert set(told) == {b"third", OTHERS[b"a"]}
    assert replaced.seen(ev.ItemFailed) == []


def test_where_nothing_is_kept_any_more_what_was_kept_can_be_restored(replaced: World) -> None:
    restore(replaced, "a", text=CHAIN)
    assert seen(replaced)[b"a"] == OTHERS[b"a"]
    assert kept(replaced)[-1] == {b"a": b"third"}
