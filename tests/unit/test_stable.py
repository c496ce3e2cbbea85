"""`stable_for`: what begins to change after it was listed is young, whatever the listing said."""

import threading
import time
from collections.abc import Callable

import pytest

from sshsync.appliers.looks import Looks
from sshsync.core import verify
from sshsync.executors.threads import Threads
from sshsync.kinds.base import Remark
from sshsync.kinds.files import Files
from sshsync.model import events as ev
from sshsync.model.item import Item, Snapshot, Stamp
from sshsync.report import as_text
from sshsync.report import as_text
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World
from tests.unit.test_files import drive, ok, subject

STABLE = CHAIN.replace("stable_for = 0", "stable_for = 0.2")
WHOLE = b"every line of it"


@pytest.fixture
def filled(world: World) -> World:
    world.text = STABLE
    world.fill("master", b"/m", {b"calm": b"calm", b"slow": b"old", b"d/other": b"other"})
    return world


def write(world: World, data: bytes) -> Callable[[], None]:
    """A vendor writes; the time that his tool sets is an old one."""
    return lambda: world.host("master").put(b"/m/slow", data)


def waited(world: World) -> int:
    return len(world.seen(ev.Waiting))


def test_a_file_that_began_to_change_after_the_listing_waits_until_it_is_whole(filled: World) -> None:
    filled.host("master").faults.append(Fault("none", "list", then=write(filled, b"every li")))
    result = filled.run("proxy", sinks=[lambda e: write(filled, WHOLE)() if isinstance(e, ev.Published) and e.items[0][0] == "calm" else None])
    assert filled.host("proxy").below(b"/p")[b"slow"] == WHOLE
    assert result.report.repositories["proxy"].outcome == "done"
    assert waited(filled) == 1


@pytest.mark.parametrize("moment", ["list", "digest"])
def test_a_file_that_is_still_written_after_the_wait_is_deferred(filled: World, moment: str) -> None:
    master = filled.host("master")
    half = write(filled, b"every li")
    master.faults.append(Fault("none", moment, then=half) if moment == "list" else Fault("none", moment, first=write(filled, b"ev"), then=half))
    result = filled.run("proxy", sinks=[lambda e: write(filled, b"every line o")() if isinstance(e, ev.Waiting) else None])
    assert set(filled.host("proxy").below(b"/p")) == {b"calm", b"d/other"}
    assert result.exit_code == 0
    assert result.report.repositories["proxy"].outcome == "deferred"
    assert filled.run("proxy").exit_code == 0
    assert filled.host("proxy").below(b"/p")[b"slow"] == b"every line o"


def test_a_file_that_is_written_while_it_is_digested_after_the_wait_is_deferred(filled: World) -> None:
    master = filled.host("master")
    master.faults.append(Fault("none", "list", then=write(filled, b"every li")))
    master.faults.append(Fault("none", "digest", 2, then=write(filled, b"every line o")))
    assert filled.run("proxy").report.repositories["proxy"].deferred == 1
    assert b"slow" not in filled.host("proxy").below(b"/p")


def test_what_changed_while_it_was_digested_is_not_equal_to_what_the_child_holds(filled: World) -> None:
    filled.run("proxy")
    write(filled, b"new")()
    filled.host("master").faults.append(Fault("none", "digest", first=write(filled, b"old"), then=write(filled, WHOLE)))
    assert filled.run("proxy").report.repositories["proxy"].copied == 1
    assert filled.host("proxy").below(b"/p")[b"slow"] == WHOLE


def test_its_digest_is_not_kept_for_the_next_run(filled: World) -> None:
    master = filled.host("master")
    master.clock = lambda: time.time() + 100
    master.faults.append(Fault("none", "digest", then=write(filled, b"every li")))
    filled.run("proxy", sinks=[lambda e: write(filled, b"half")() if isinstance(e, ev.Waiting) else None])
    filled.run("proxy")
    assert next(e for e in filled.seen(ev.Scanned) if e.repository == "master").hashed == len(b"half")


def test_a_dry_run_plans_it_and_blocks_nobody_behind(filled: World) -> None:
    filled.host("master").faults.append(Fault("none", "list", then=write(filled, b"every li")))
    result = filled.run(dry_run=True)
    assert result.exit_code == 11
    assert not any(job.blocked for job in result.report.jobs)
    assert ("proxy", "slow") in {(event.repository, event.name) for event in filled.seen(ev.PlannedChange)}


def test_a_file_that_was_young_and_is_left_alone_during_the_wait_is_taken(filled: World) -> None:
    """It was written while other files moved, and not since."""
    master = filled.host("master")
    master.put(b"/m/slow", b"ev", mtime=int(time.time()) + 60)
    master.faults.append(Fault("none", "read", first=write(filled, WHOLE)))
    assert filled.run("proxy").report.repositories["proxy"].outcome == "done"
    assert filled.host("proxy").below(b"/p")[b"slow"] == WHOLE


def test_only_what_was_digested_is_looked_at_again_and_only_on_a_master_that_waits(filled: World) -> None:
    master, proxy = filled.host("master"), filled.host("proxy")
    for number in range(20):
        master.put(b"/m/more%d" % number, b"more")
    filled.run()
    assert (master.started.count("list"), master.started.count("stat")) == (2, 1), "when all is new, all is listed again; what was read is looked at once a batch"
    assert (proxy.started.count("list"), proxy.started.count("stat")) == (2, 0), "the second time with a root that had to be made"
    write(filled, WHOLE)()
    master.started.clear()
    filled.run()
    assert (master.started.count("list"), master.started.count("stat")) == (1, 2), "one file of many is looked at by its name, and once more after it was read"
    master.started.clear()
    filled.run()
    assert (master.started.count("list"), master.started.count("stat")) == (1, 0)
    master.started.clear()
    filled.run(text=CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndigest_cache = no"))
    assert (master.started.count("list"), master.started.count("stat")) == (1, 0)


@pytest.mark.parametrize("when", ["first", "then"])
@pytest.mark.parametrize("whole", [True, False], ids=["at rest in time", "still written"])
def test_a_file_that_begins_to_change_while_it_is_read_is_young(filled: World, when: str, whole: bool) -> None:
    """Before its bytes are read, or just after: its time begins then, and half of it is never shown."""
    master = filled.host("master")
    master.faults.append(Fault("none", "read", **{when: write(filled, b"every li")}))
    data = WHOLE if whole else b"every line o"
    moment = ev.Published if whole else ev.Waiting
    result = filled.run("proxy", sinks=[lambda e: write(filled, data)() if isinstance(e, moment) else None])
    assert result.exit_code == 0
    shown = filled.host("proxy").below(b"/p")
    assert shown.get(b"slow") == (WHOLE if whole else None)
    assert shown[b"calm"] == b"calm"
    assert result.report.repositories["proxy"].outcome == ("done" if whole else "deferred")
    assert waited(filled) == 1


def test_what_begins_to_change_after_the_one_wait_is_deferred(filled: World) -> None:
    master = filled.host("master")
    master.put(b"/m/slow", b"ev", mtime=int(time.time()) + 60)
    master.faults.append(Fault("none", "read", 2, first=write(filled, WHOLE)))
    result = filled.run("proxy")
    assert result.report.repositories["proxy"].outcome == "deferred"
    assert b"slow" not in filled.host("proxy").below(b"/p")
    assert waited(filled) == 1


def test_a_child_that_takes_no_young_file_does_not_wait_for_one(filled: World) -> None:
    text = STABLE.replace("[node1]", "[node1]\nexclude = *").replace("parent = proxy", "parent = master")
    filled.text = text
    waiting, ended = threading.Event(), threading.Event()
    filled.host("master").put(b"/m/slow", b"x", mtime=int(time.time()) + 60)
    filled.host("node1").faults.append(Fault("none", "list", first=lambda: waiting.wait(20)))
    filled.host("node1").make(b"/n")
    seen: list[bool] = []
    filled.host("master").faults.append(Fault("none", "digest", 2, first=lambda: seen.append(ended.wait(20))))

    def watch(event: ev.Event) -> None:
        if isinstance(event, ev.Waiting):
            waiting.set()
        elif isinstance(event, ev.RepositoryFinished) and event.repository == "node1":
            ended.set()

    assert filled.run("node1,node2", executor=Threads(2), sinks=[watch]).exit_code == 0
    assert seen == [True]


def test_what_is_no_longer_as_it_was_read_is_told_apart(filled: World) -> None:
    scanner, tree = filled.scanner()
    made, repository = Looks(filled.asking()[0], Files()), tree["master"]
    master = scanner.scan(repository)
    assert made.still(repository, master.root, master.items.values()) == set()
    write(filled, b"other")()
    del filled.host("master").files[b"/m/calm"]
    assert made.still(repository, master.root, master.items.values()) == {b"slow", b"calm"}
    assert made.still(repository, master.root, []) == set()


def test_what_is_seen_to_change_later_joins_the_one_wait_or_is_left_for_the_next_run(filled: World) -> None:
    scanner, tree = filled.scanner()
    made, repository = Looks(filled.asking()[0], Files()), tree["master"]
    master = scanner.scan(repository)
    write(filled, WHOLE)()
    quiet = made.settle(repository, master, [b"slow"])
    assert quiet.items[b"slow"].size == len(WHOLE)
    assert quiet.items[b"slow"].digest
    assert made.settle(repository, master, [b"slow", b"calm"]).items.keys() == {b"slow"}
    assert waited(filled) == 1


def test_young_is_what_was_written_just_now_or_seen_to_change() -> None:
    old, new = (Item(key, "sha256:1", Stamp(1, at * 10**9, 0, 1)) for key, at in ((b"old", 10), (b"new", 95)))
    seen = Snapshot("m", b"/m", {b"old": old, b"new": new}, now=100)
    assert set(verify.young(seen, 10)) == {b"new"}
    assert [verify.is_young(item, 100, 10) for item in (old, new)] == [False, True]
    restless = Snapshot("m", b"/m", {b"old": old, b"new": new}, now=100, restless=frozenset({b"old"}))
    assert set(verify.young(restless, 10)) == {b"old", b"new"}
    assert verify.young(restless, 0) == {}
    assert not verify.is_young(new, 100, 0)


@pytest.mark.parametrize("changed", [Stamp(2, 3, 4, 5), Stamp(1, 4, 4, 5), Stamp(1, 3, 5, 5), Stamp(1, 3, 4, 6), None])
def test_settled_is_what_has_the_same_stamp(changed: Stamp | None) -> None:
    before = Item(b"a", "sha256:1", Stamp(1, 3, 4, 5))
    assert verify.settled(before, before)
    assert not verify.settled(before, Item(b"a", "sha256:1", changed) if changed else None)


def test_a_file_that_vanished_before_it_was_digested_is_told_of_once_and_costs_nothing_else(filled: World) -> None:
    master = filled.host("master")
    for text in (STABLE, CHAIN):
        master.put(b"/m/slow", b"old")
        master.faults[:] = [Fault("none", "list", then=lambda: master.files.pop(b"/m/slow"))]
        result = filled.run(text=text)
        assert result.exit_code == 0
        assert not filled.seen(ev.ItemFailed)
        told = [notice.text for notice in filled.seen(ev.Remarked)]
        assert told == ["the listing is incomplete, nothing is deleted: slow vanished while digests were made"]


@pytest.mark.parametrize("extra", [False, True], ids=["nothing to delete", "something to delete"])
def test_what_stays_because_something_vanished_meanwhile_is_left_for_the_next_run(filled: World, extra: bool) -> None:
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 100%")
    master, proxy = filled.host("master"), filled.host("proxy")
    master.files.pop(b"/m/slow")
    assert filled.run("proxy", text=text).exit_code == 0
    if extra:
        proxy.put(b"/p/extra", b"not the master's")
    master.put(b"/m/slow", b"new")
    master.faults.append(Fault("none", "list", then=lambda: master.files.pop(b"/m/slow")))
    result = filled.run("proxy", text=text)
    (job,) = result.report.jobs
    assert result.exit_code == 0, "nobody has to do anything"
    assert (b"extra" in proxy.below(b"/p")) is extra
    assert job.outcome == ("deferred" if extra else "unchanged")
    assert ("1 item(s) are not deleted: not all is known that master holds" in job.notices) is extra
    assert ("in sync but for deletions that are left for later" if extra else "everything is in sync") in as_text.headline(result.report)
    result = filled.run("proxy", text=text)
    assert {job.outcome for job in result.report.jobs} == {"done" if extra else "unchanged"}
    assert set(proxy.below(b"/p")) == {b"calm", b"d/other"}


def test_digests_of_what_is_not_there_are_no_news(tmp_path) -> None:
    said = b"sha256sum: ./a: No such file or directory\nsha256sum: ./b: Permission denied\nsha256sum: can't open './c': No such file or directory\n"
    dialogue = Files().digests(subject(tmp_path), b"/m", b".sshsync/batch/1", {b"a": 1, b"b": 1, b"c": 1})
    next(dialogue)
    assert dialogue.send(ok(status=1, errors=said)) == Remark("digesting: sha256sum: ./b: Permission denied")
    quiet = Files().digests(subject(tmp_path), b"/m", b".sshsync/batch/1", {b"a": 1})
    assert drive(quiet, ok(status=1, errors=said.splitlines()[0])) == {}
