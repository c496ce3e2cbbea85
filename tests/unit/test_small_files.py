"""What many small files cost: channels and flushes, counted."""

import random
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.appliers.reuse import twins
from sshsync.model import events as ev
from sshsync.model.change import Copy
from sshsync.model.item import Item, Key
from sshsync.model.row import Stamp
from sshsync.transfers.load import SMALL, Loose, Pack, above, units
from sshsync.transports.memory import Fault, Tools
from tests.conftest import World

ONE = "[DEFAULT]\nstable_for = 0\n[master]\nhost = master\npath = /m\n[proxy]\nhost = proxy\npath = /p\nparent = master\n"
TREE = {b"d%02d/e%d/f%d" % (n // 10, n % 10, f): b"%d" % n for n in range(100) for f in range(10)}
ONCE = {"unpack": 1, "digest": 1, "publish": 1}


def moves(world: World) -> dict[str, int]:
    started = Counter(world.host("proxy").started)
    return {name: started[name] for name in ("unpack", "store", "digest", "mark", "publish") if started[name]}


def test_a_thousand_files_in_a_hundred_directories_cost_one_publication(world: World, figure) -> None:
    world.fill("master", b"/m", TREE)
    assert world.run("proxy", text=ONE).exit_code == 0
    assert moves(world) == ONCE
    assert world.host("proxy").below(b"/p") == TREE
    figure("files", len(TREE))


def test_what_is_verified_while_something_is_published_is_published_with_one_flush(world: World) -> None:
    big = {b"big%d" % n: b"%d" % n * (1 << 20) for n in range(6)}
    world.fill("master", b"/m", {**TREE, **big})
    proxy = world.host("proxy")
    brought = threading.Event()
    proxy.faults.append(Fault("none", "store", len(big), then=brought.set))
    proxy.faults.append(Fault("none", "publish", first=lambda: brought.wait(20)))
    assert world.run("proxy", text=ONE).exit_code == 0
    assert proxy.below(b"/p") == {**TREE, **big}
    assert moves(world)["publish"] < len(big), "not one for each"


def test_packs_that_share_a_directory_are_published_together_at_one_go_and_known_from_then_on(world: World) -> None:
    files = {b"d%02d/e%d/f%d" % (n // 7 // 10, n // 7 % 10, n): b"%d" % n for n in range(3_000)}
    world.fill("master", b"/m", files)
    proxy = world.host("proxy")
    verified = [threading.Event() for _ in range(3)]
    before = threading.Event()
    before.set()
    for one in verified:
        proxy.faults.append(Fault("none", "unpack", first=lambda before=before: before.wait(20)))
        proxy.faults.append(Fault("none", "digest", then=one.set))
        before = one
    proxy.faults.append(Fault("none", "publish", first=lambda: verified[-1].wait(20)))
    assert world.run("proxy", text=ONE).exit_code == 0
    assert proxy.below(b"/p") == files
    found = moves(world)
    assert found.pop("publish") <= 2, "the first, and the others with one flush; or all with one, if they come soon enough"
    assert found == {"unpack": 3, "digest": 3}
    world.events.clear()
    assert world.run("proxy", text=ONE).exit_code == 0
    assert [event.hashed for event in world.seen(ev.Scanned)] == [0, 0]


def test_whole_directories_of_many_files_are_told_of_file_by_file(world: World) -> None:
    """What is asked for is a line for each directory; the answer has one for each file in them."""
    files = {b"d%d/%0240d" % (n // 1000, n): b"%d" % n for n in range(8_000)}
    world.fill("master", b"/m", files)
    proxy = world.host("proxy")
    brought = threading.Event()
    proxy.faults.append(Fault("none", "unpack", 8, then=brought.set))
    proxy.faults.append(Fault("none", "publish", first=lambda: brought.wait(20)))
    assert world.run("proxy", text=ONE).exit_code == 0
    assert moves(world)["publish"] < 8, "several packs at one go"
    assert proxy.below(b"/p") == files


def test_a_directory_that_no_listing_told_of_keeps_what_is_in_it(world: World) -> None:
    world.fill("master", b"/m", TREE)
    proxy = world.host("proxy")
    proxy.link(b"/p/d03/e1/link", b"/elsewhere")
    proxy.make(b"/p/d04")
    assert world.run("proxy", text=ONE).exit_code == 0
    assert proxy.below(b"/p") == TREE
    assert proxy.is_link(b"/p/d03/e1/link")
    assert moves(world)["publish"] == 2, "once more, file by file"


@pytest.mark.parametrize("after", [0, 10])
def test_an_answer_that_is_lost_after_whole_directories_appeared_is_no_failure(world: World, after: int) -> None:
    world.fill("master", b"/m", TREE)
    world.host("proxy").faults.append(Fault("lose", "publish", after=after))
    result = world.run("proxy", text=ONE)
    assert (result.exit_code, result.report.repositories["proxy"].copied) == (0, len(TREE))
    assert world.host("proxy").below(b"/p") == TREE
    assert world.host("proxy").started.count("unpack") == 1


KEYS = st.lists(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=4).map(b"/".join), unique=True, max_size=12)


def files(keys: list[Key]) -> list[Key]:
    """Leave out what is a directory of another."""
    return [key for key in keys if not any(other.startswith(key + b"/") for other in keys)]


@given(KEYS, st.sets(st.integers(0, 11)), st.sets(st.sampled_from([b"a", b"b", b"a/b", b"a/b/c", b"c/a"])))
def test_units_cover_each_file_once_and_nothing_else(keys: list[Key], bad: set[int], present: set[Key]) -> None:
    every = files(keys)
    present |= {place for key in present for place in above(key)}
    load = Pack(tuple(Copy(Item(key, "sha256:00")) for key in every), "1-1")
    good = [change for number, change in enumerate(load.changes) if number not in bad]
    found = units(load.only(good), present)
    assert sorted(key for names in found.values() for key in names) == sorted(change.key for change in good)
    for name, names in found.items():
        if names != [name]:
            assert name not in present
            assert sorted(names) == sorted(key for key in every if key.startswith(name + b"/")), "all that is staged below"


def test_files_that_came_one_by_one_are_renamed_one_by_one() -> None:
    load = Loose((Copy(Item(b"new/x", "sha256:00")),), "1-1")
    assert units(load, set()) == {b"new/x": [b"new/x"]}




def sent(world: World) -> int:
    return sum(event.bytes for event in world.seen(ev.Progress))


@pytest.mark.parametrize("delete", ["yes", "no"])
def test_files_that_were_moved_are_copied_where_they_are_and_not_sent(world: World, delete: str) -> None:
    text = f"{ONE}delete = {delete}\nmax_delete = 100%\n"
    tree = {key: key + data * 100 for key, data in TREE.items()}
    world.fill("master", b"/m", tree)
    assert world.run("proxy", text=text).exit_code == 0
    master, proxy = world.host("master"), world.host("proxy")
    for key in [key for key in tree if key.startswith(b"d00")]:
        del master.files[b"/m/" + key]
        master.put(b"/m/new/" + key, tree[key])
    found = world.run("proxy", text=text).report.repositories["proxy"]
    new = {(b"new/" + key if key.startswith(b"d00") else key): data for key, data in tree.items()}
    assert proxy.below(b"/p") == (new if delete == "yes" else {**tree, **new})
    assert sent(world) == 0
    assert (found.copied, found.moved, found.saved) == (100, 0, sum(len(data) for key, data in new.items() if key.startswith(b"new/")))


WAYS = {"reuse": Tools(cutters=()), "make-by": Tools()}
"""What copies on a child, by what it is equipped with: its shell, or a program."""


@pytest.mark.parametrize("way", WAYS)
def test_copies_keep_mode_and_time_and_only_others_are_set(world: World, way: str) -> None:
    world.host("proxy").tools = WAYS[way]
    world.fill("master", b"/m", {b"old/same": b"same", b"old/other": b"other"})
    assert world.run("proxy", text=ONE).exit_code == 0
    master, proxy = world.host("master"), world.host("proxy")
    proxy.started.clear()
    master.put(b"/m/new/same", b"same")
    assert world.run("proxy", text=ONE).exit_code == 0
    assert (moves(world).get("mark", 0), proxy.below(b"/p")[b"new/same"]) == (0, b"same")
    master.put(b"/m/new/other", b"other", mode=0o600, mtime=1_500_000_000)
    master.put(b"/m/new/more", b"same")
    assert world.run("proxy", text=ONE).exit_code == 0
    made = proxy.files[b"/p/new/other"]
    assert (made.mode, made.mtime) == (0o600, 1_500_000_000)
    assert moves(world).get("mark", 0) == (way == "reuse"), "a program sets them as it copies"
    assert proxy.started.count(way) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_that_is_not_what_it_seemed_to_be_is_sent(world: World, way: str) -> None:
    world.host("proxy").tools = WAYS[way]
    world.fill("master", b"/m", {b"old": b"content"})
    assert world.run("proxy", text=ONE).exit_code == 0
    world.host("master").put(b"/m/new", b"content")
    proxy = world.host("proxy")
    proxy.faults.append(Fault("none", way, first=lambda: proxy.put(b"/p/old", b"CONTENT")))
    assert world.run("proxy", text=ONE).exit_code == 0
    assert proxy.below(b"/p")[b"new"] == b"content"
    assert sent(world) > 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["fail", "lose", "refuse"])
def test_a_copy_that_fails_costs_nothing_but_time(world: World, kind: str, way: str) -> None:
    world.host("proxy").tools = WAYS[way]
    world.fill("master", b"/m", {b"old": b"content"})
    assert world.run("proxy", text=ONE).exit_code == 0
    world.host("master").put(b"/m/new", b"content")
    world.host("proxy").faults.append(Fault(kind, way))
    assert world.run("proxy", text=ONE).exit_code == 0
    assert world.host("proxy").below(b"/p") == {b"old": b"content", b"new": b"content"}


def test_two_that_change_their_places_both_arrive(world: World) -> None:
    world.fill("master", b"/m", {b"one": b"first", b"two": b"second"})
    assert world.run("proxy", text=ONE).exit_code == 0
    world.fill("master", b"/m", {b"one": b"second", b"two": b"first"})
    assert world.run("proxy", text=ONE).exit_code == 0
    assert world.host("proxy").below(b"/p") == {b"one": b"second", b"two": b"first"}
    assert sent(world) == 0


@pytest.mark.parametrize("way", WAYS)
def test_what_one_command_copies_is_bounded(world: World, way: str) -> None:
    """The slowest disk has to be done with it before its silence counts as the end of the connection."""
    world.host("proxy").tools = WAYS[way]
    half = {b"old%02d" % n: bytes([n]) * 500_000 for n in range(80)}
    world.fill("master", b"/m", half)
    assert world.run("proxy", text=ONE).exit_code == 0
    world.fill("master", b"/m", {b"new%02d" % n: bytes([n]) * 500_000 for n in range(80)})
    world.host("proxy").started.clear()
    assert world.run("proxy", text=ONE).exit_code == 0
    assert sent(world) == 0
    assert world.host("proxy").started.count(way) == 3, "16 MiB with each"


CHANCE = random.Random(7)
OLD = {b"d%d/f%03d" % (n % 3, n): CHANCE.randbytes(3000 + 400 * n) for n in range(60)}
NEW = {key: data[: len(data) // 2] + b"other" + data[len(data) // 2 + 3 :] + b"more" for key, data in OLD.items()}
SIZE = sum(map(len, NEW.values()))


@pytest.fixture
def edited(world: World) -> World:
    """A child that holds old versions of everything, and knows it."""
    world.fill("master", b"/m", OLD)
    assert world.run("proxy", text=ONE).exit_code == 0
    world.host("proxy").started.clear()
    world.fill("master", b"/m", NEW)
    return world


def test_of_small_files_that_changed_what_differs_is_sent(edited: World, figure) -> None:
    found = edited.run("proxy", text=ONE).report.repositories["proxy"]
    assert edited.host("proxy").below(b"/p") == NEW
    moved = sent(edited)
    assert moved < SIZE // 5
    assert (found.moved, found.saved) == (moved, SIZE - moved)
    assert moves(edited) == {"digest": 1, "publish": 1}, "no file has a command of its own, and all have their marks"
    assert edited.host("proxy").files[b"/p/d0/f000"].mtime == edited.host("master").files[b"/m/d0/f000"].mtime
    figure("bytes of changed files", SIZE)
    figure("bytes that were sent", moved)


@pytest.mark.parametrize("poor", ["master", "proxy"])
def test_where_an_end_has_no_program_changed_files_are_sent_whole(edited: World, poor: str) -> None:
    edited.host(poor).tools = Tools(cutters=())
    assert edited.run("proxy", text=ONE).exit_code == 0
    assert edited.host("proxy").below(b"/p") == NEW
    assert sent(edited) == SIZE


def test_few_bytes_are_sent_sooner_than_compared(world: World) -> None:
    world.fill("master", b"/m", {b"a": b"x" * 5000})
    assert world.run("proxy", text=ONE).exit_code == 0
    world.fill("master", b"/m", {b"a": b"x" * 5000 + b"y"})
    assert world.run("proxy", text=ONE).exit_code == 0
    assert "pieces" not in world.host("proxy").started


@pytest.mark.parametrize("script", ["pieces", "make-by"])
@pytest.mark.parametrize("kind", ["fail", "lose", "refuse", "cut"])
def test_whatever_goes_wrong_with_comparing_the_files_arrive(edited: World, kind: str, script: str) -> None:
    edited.host("proxy").faults.append(Fault(kind, script))
    assert edited.run("proxy", text=ONE).exit_code == 0
    assert edited.host("proxy").below(b"/p") == NEW


@pytest.mark.parametrize("kind", ["fail", "lose", "cut"])
@pytest.mark.parametrize("script", ["pieces", "ranges-by"])
def test_whatever_goes_wrong_on_the_parent_the_files_arrive(edited: World, kind: str, script: str) -> None:
    edited.host("master").faults.append(Fault(kind, script, after=100))
    assert edited.run("proxy", text=ONE).exit_code == 0
    assert edited.host("proxy").below(b"/p") == NEW


def test_an_old_version_that_changes_meanwhile_costs_a_resend_of_that_file(edited: World) -> None:
    proxy = edited.host("proxy")
    key = b"d0/f057"
    proxy.faults.append(Fault("none", "make-by", first=lambda: proxy.put(b"/p/" + key, bytes(len(OLD[key])))))
    assert edited.run("proxy", text=ONE).exit_code == 0
    assert proxy.below(b"/p") == NEW
    assert len(NEW[key]) < sent(edited) < SIZE // 3


@pytest.mark.parametrize("host", ["master", "proxy"])
def test_who_lies_about_pieces_gets_the_right_bytes_all_the_same(edited: World, host: str) -> None:
    """The other host's answer is that of another content, piece by piece."""
    edited.host(host).faults.append(Fault("answer", "pieces", payload=b"\x80\x06abcdef\0" * len(NEW)))
    assert edited.run("proxy", text=ONE).exit_code == 0
    assert edited.host("proxy").below(b"/p") == NEW


def test_two_children_that_hold_the_same_both_get_what_differs(world: World) -> None:
    text = ONE + "[node]\nhost = node\npath = /n\nparent = master\n"
    world.fill("master", b"/m", OLD)
    assert world.run("proxy", "node", text=text).exit_code == 0
    world.fill("master", b"/m", NEW)
    assert world.run("proxy", "node", text=text).exit_code == 0
    assert world.host("proxy").below(b"/p") == world.host("node").below(b"/n") == NEW


@pytest.mark.parametrize("compress", ["no", "yes", "auto"])
def test_what_differs_goes_compressed_too(edited: World, compress: str) -> None:
    text = ONE.replace("[DEFAULT]", f"[DEFAULT]\ncompress = {compress}")
    found = edited.run("proxy", text=text).report.repositories["proxy"]
    assert edited.host("proxy").below(b"/p") == NEW
    assert found.moved + found.saved == SIZE


@pytest.mark.parametrize("others", [0, 9], ids=["few files are lacking", "more are lacking than are there"])
def test_twins_are_small_files_and_no_empty_ones(others: int) -> None:
    """A big one is put together as a part of its own, whatever is lacking besides."""
    digests = [f"sha256:{number:064x}" for number in range(20)]
    held = {b"old/%d" % n: Item(b"old/%d" % n, digests[n], Stamp(size, 1, 1, n + 1)) for n, size in enumerate((0, 5, SMALL))}
    lacking = [Copy(Item(b"new/%d" % n, digests[n], Stamp(size, 2, 2, n + 9))) for n, size in enumerate((0, 5, SMALL, *[7] * others))]
    assert twins(lacking, held) == {b"new/1": held[b"old/1"]}
