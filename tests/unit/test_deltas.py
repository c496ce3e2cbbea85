"""Big files of which the child has most already: what lies there is copied there, and nothing else is sent."""

import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from sshsync.core.fold import fold
from sshsync.core.lease import Here, Owner
from sshsync.model import events as ev
from sshsync.report import as_json
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

SLOW = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 2\nbwlimit = 2M")
OLD = random.Random(7).randbytes(4_000_000)
OTHER = random.Random(8).randbytes(200_000)
SPOT = 4096


@pytest.fixture
def link(world: World) -> World:
    world.fill("master", b"/m", {})
    world.fill("proxy", b"/p", {})
    return world


@pytest.fixture(params=["programs", "dd alone"])
def either(request: pytest.FixtureRequest, link: World) -> World:
    if request.param == "dd alone":
        plain(link)
    return link


def plain(world: World) -> None:
    for name in ("master", "proxy"):
        host = world.host(name)
        host.tools = replace(host.tools, cutters=())


def moved(world: World) -> int:
    return sum(event.bytes for event in world.seen(ev.Progress))


def saved(world: World) -> int:
    return sum(event.bytes for event in world.seen(ev.Saved))


def sync(world: World, new: bytes, old: bytes = OLD, *, code: int = 0, **parts: object) -> None:
    """Bring a new content of a file to the proxy, which has an old one."""
    world.host("master").put(b"/m/big", new)
    world.host("proxy").put(b"/p/big", old)
    assert world.run("proxy", text=SLOW, **parts).exit_code == code
    assert world.host("proxy").below(b"/p") == {b"big": new if code == 0 else old}


IN_PLACE: dict[str, Callable[[bytes], bytes]] = {
    "a spot in the middle": lambda old: old[:2_000_001] + b"x" * SPOT + old[2_000_001 + SPOT :],
    "a byte at the end": lambda old: old[:-1] + b"\0",
    "cut off": lambda old: old[:3_000_001],
    "grown": lambda old: old + OTHER[:5000],
    "scattered": lambda old: b"".join(old[at : at + 399_990] + b"0123456789" for at in range(0, 4_000_000, 400_000)),
}


@pytest.mark.parametrize("edit", IN_PLACE)
def test_what_was_changed_in_place_is_sent_and_little_else(either: World, edit: str) -> None:
    new = IN_PLACE[edit](OLD)
    sync(either, new)
    assert moved(either) <= (12 << 16 if edit == "scattered" else 3 << 16)
    assert saved(either) + moved(either) in (len(new), len(new) + 1)
    assert not either.seen(ev.Resent)


def test_an_insertion_moves_little_where_programs_find_it(link: World) -> None:
    sync(link, b"100 bytes " * 10 + OLD)
    assert moved(link) <= 8192


def test_an_insertion_is_sent_behind_its_place_where_nobody_finds_it(link: World) -> None:
    plain(link)
    sync(link, OLD[:3_000_000] + b"new" + OLD[3_000_000:])
    assert 1_000_000 <= moved(link) <= 1_200_000


def test_another_content_is_sent_as_a_whole(either: World) -> None:
    new = random.Random(9).randbytes(3_000_000)
    sync(either, new)
    assert (moved(either), saved(either)) == (len(new), 0)


def test_many_small_ranges_come_in_few_streams(link: World) -> None:
    new = bytearray(OLD)
    for at in range(1000, 4_000_000, 50_000):
        new[at] ^= 1
    sync(link, bytes(new))
    assert moved(link) < 300_000
    assert link.host("master").started.count("ranges") < 10


def test_a_file_that_was_renamed_moves_nothing(either: World) -> None:
    either.fill("master", b"/m", {b"new/name": OLD, b"other": OTHER})
    either.fill("proxy", b"/p", {b"old/name": OLD, b"other": OTHER})
    assert either.run("proxy", text=SLOW.replace("retries", "delete = yes\nmax_delete = 90%\nretries")).exit_code == 0
    found = either.host("proxy").below(b"/p")
    assert found[b"new/name"] == OLD
    assert (moved(either), saved(either)) == (0, len(OLD))
    assert [event.bytes for event in either.seen(ev.Published)] == [0]


def test_a_new_version_beside_the_old_one_moves_what_differs(link: World) -> None:
    link.fill("master", b"/m", {b"d/app-1.2.jar": OLD, b"d/app-1.3.jar": OTHER + OLD})
    link.fill("proxy", b"/p", {b"d/app-1.2.jar": OLD})
    assert link.run("proxy", text=SLOW).exit_code == 0
    assert link.host("proxy").below(b"/p")[b"d/app-1.3.jar"] == OTHER + OLD
    assert moved(link) <= len(OTHER) + 10_000


def test_a_master_that_changes_again_costs_what_changed(link: World) -> None:
    first, second = OTHER + OLD, OTHER + OLD + OTHER
    master = link.host("master")
    master.put(b"/m/big", first)
    link.host("proxy").faults.append(Fault("short", "store", after=3_000_000, then=lambda: None))
    link.host("proxy").faults.append(Fault("none", "carry-on", first=lambda: master.put(b"/m/big", second)))
    assert link.run("proxy", text=SLOW).exit_code == 0
    assert link.host("proxy").below(b"/p") == {b"big": second}
    assert saved(link) > len(second) // 2
    assert not [path for path in link.host("proxy").files if b"/.sshsync/" in path]


def lying(world: World, script: str, new: bytes) -> None:
    """Have the child tell, whenever it is asked about pieces, of another content than the one that it has."""
    proxy, kept = world.host("proxy"), {}

    def lie() -> None:
        for path in [path for path in proxy.files if path.startswith(b"/p/")]:
            kept[path] = proxy.files[path].data
            proxy.files[path].data = new

    def tell() -> None:
        for path, data in kept.items():
            proxy.files[path].data = data
        kept.clear()

    proxy.faults += [Fault("none", script, nth=nth, first=lie, then=tell) for nth in range(1, 20)]


@pytest.mark.parametrize("script", ["pieces", "chunks"])
def test_a_child_that_lies_about_pieces_gets_the_whole(link: World, script: str) -> None:
    if script == "chunks":
        plain(link)
    new = OLD[:1_000_000] + OTHER + OLD[1_200_000:]
    lying(link, script, new)
    sync(link, new)
    assert saved(link) == 0


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"\xff" * 50])
def test_a_child_whose_answers_are_none_gets_the_whole_and_a_remark(either: World, answer: bytes) -> None:
    either.host("proxy").faults += [Fault("answer", script, payload=answer) for script in ("pieces", "chunks")]
    new = OLD[:-1] + b"\0"
    sync(either, new)
    assert moved(either) == len(new)
    assert len([event for event in either.seen(ev.Remarked) if "as a whole" in event.text]) == 1


@pytest.mark.parametrize("script", ["assemble", "assemble-by"])
def test_what_cannot_be_copied_is_sent(link: World, script: str) -> None:
    if script == "assemble":
        plain(link)
    link.host("proxy").faults.append(Fault("fail", script, words=b"dd: not found"))
    new = OLD[:-1] + b"\0"
    sync(link, new)
    assert moved(link) == len(new)
    [words] = [event.text for event in link.seen(ev.Remarked) if "as a whole" in event.text]
    assert "dd: not found" in words


def test_a_source_that_changes_after_it_was_compared_costs_what_it_has_not(either: World) -> None:
    proxy = either.host("proxy")

    def change() -> None:
        proxy.files[b"/p/big"].data = OLD[:500_000] + b"\0" * 200_000 + OLD[700_000:]

    proxy.faults += [Fault("none", script, first=change) for script in ("assemble", "assemble-by")]
    new = OLD[:-1] + b"\0"
    sync(either, new)
    assert moved(either) < 2_000_000


def test_a_source_that_is_gone_costs_the_whole(either: World) -> None:
    proxy = either.host("proxy")
    proxy.faults += [Fault("none", script, first=lambda: proxy.unlink(b"/p/big")) for script in ("assemble", "assemble-by")]
    sync(either, OLD[:-1] + b"\0")


@pytest.mark.parametrize("kind", ["late", "lose", "refuse", "cut"])
@pytest.mark.parametrize("script", ["assemble", "chunks"])
def test_a_connection_that_is_lost_meanwhile_costs_nothing_but_time(link: World, script: str, kind: str) -> None:
    plain(link)
    proxy = link.host("proxy")
    proxy.faults += [Fault(kind, script), Fault("none", "publish", first=proxy.wake)]
    new = IN_PLACE["a spot in the middle"](OLD)
    sync(link, new)
    proxy.wake()
    assert proxy.below(b"/p") == {b"big": new}
    assert moved(link) <= 3 << 16


@pytest.mark.parametrize("after", [1, 50, 66_000])
def test_a_cut_among_many_small_ranges_costs_those(either: World, after: int) -> None:
    new = bytearray(OLD)
    for at in range(1000, 4_000_000, 400_000):
        new[at] ^= 1
    form = "assemble-by" if dict(either.host("proxy").tools.cutters) else "assemble"
    either.host("proxy").faults.append(Fault("short", form, nth=2, after=after))
    sync(either, bytes(new))
    assert moved(either) <= 24 << 16


def test_a_full_disk_is_told_as_such(either: World) -> None:
    proxy = either.host("proxy")
    proxy.faults += [Fault("fail", script, words=b"cat: No space left on device") for script in ("assemble", "assemble-by")]
    sync(either, OLD[:-1] + b"\0", code=6)
    assert not [path for path in proxy.files if b"/.sshsync/part" in path]


def test_what_a_killed_run_left_is_gone_on_with(either: World) -> None:
    """The part is half there, as copies and what was sent left it."""
    new = IN_PLACE["a spot in the middle"](OLD)
    proxy = either.host("proxy")
    proxy.put(b"/p/big", OLD)
    either.host("master").put(b"/m/big", new)
    stop = [Fault("refuse", script, nth=nth) for script in ("carry-on",) for nth in range(1, 9)]
    form = "store"
    proxy.faults += [Fault("lose", form), *stop]
    assert either.run("proxy", text=SLOW).exit_code == 75
    proxy.faults.clear()
    assert either.run("proxy", text=SLOW).exit_code == 0
    assert proxy.below(b"/p") == {b"big": new}
    assert moved(either) <= 3 << 16


def test_a_fast_link_is_not_made_slower_by_comparing(link: World) -> None:
    new = IN_PLACE["a spot in the middle"](OLD)
    link.host("master").put(b"/m/big", new)
    link.host("proxy").put(b"/p/big", OLD)
    assert link.run("proxy", text=CHAIN + "bwlimit = 10G").exit_code == 0
    assert link.host("proxy").below(b"/p") == {b"big": new}


def decided(world: World) -> list[str]:
    return [event.text for event in world.seen(ev.Decided)]


def test_the_log_says_whether_a_file_was_compared_and_by_which_rates(either: World) -> None:
    sync(either, IN_PLACE["a spot in the middle"](OLD))
    [words] = decided(either)
    told = re.fullmatch(
        r"big: compared on both hosts, only what differs is sent: (\d+) of 4000000 bytes need not be sent, known after \d step\(s\) in \d+\.\d s: "
        r"the link carries 2\.0 MB/s, the hosts digest (?:\d\.\d|\d{2,}) MB/s",
        words,
    )
    assert told
    assert int(told[1]) > 3_900_000


def test_the_log_says_that_comparing_was_of_no_use(either: World) -> None:
    sync(either, random.Random(9).randbytes(3_000_000))
    [words] = decided(either)
    assert re.fullmatch(
        r"big: compared on both hosts in \d+\.\d s: nothing of it is there already, all 3000000 bytes are sent: "
        r"the link carries 2\.0 MB/s, the hosts digest (?:\d\.\d|\d{2,}) MB/s",
        words,
    )


def test_what_is_not_compared_because_that_takes_longer_is_told_with_the_rates(link: World) -> None:
    """The first file tells how fast the link is: comparing takes longer than sending the second one."""
    plain(link)
    for number in range(2):
        link.host("master").put(b"/m/%d" % number, OTHER * 10 + b"%d" % number)
        link.host("proxy").put(b"/p/%d" % number, OTHER * 10)
    link.host("proxy").put(b"/p/0", b"short")
    assert link.run("proxy").exit_code == 0
    assert any("sent as a whole, because comparing takes longer: the link carries" in words for words in decided(link)), decided(link)
    assert link.host("proxy").below(b"/p") == link.host("master").below(b"/m")


def test_a_host_that_digests_slowly_is_looked_at_less(link: World) -> None:
    """What a look took decides on the next one: a disk that is slower than the link is not read for it."""
    proxy = link.host("proxy")
    new = bytearray(OLD)
    for at in range(1000, 4_000_000, 400_000):
        new[at] ^= 1
    now, asked = [1e6], []
    here = Here(Owner("host", "machine", "boot", "space", 1, "1", "tonight"), str, lambda: now[0], lambda: now[0])
    for seconds in (0.0, 5.0):
        proxy.started.clear()
        proxy.faults[:] = [Fault("none", "pieces", first=lambda seconds=seconds: now.append(now.pop() + seconds))]
        sync(link, bytes(new), here=here)
        asked.append(proxy.started.count("pieces"))
    assert asked[1] < asked[0]


BEFORE_RATES = re.compile(r"[^:]+: (?:copied|compared on both hosts|sent as a whole, because [^:]+)")


def verdicts(words: list[str]) -> list[str]:
    """Return what is decided about each file, without the rates and what came of it."""
    return sorted(found[0] for text in words if (found := BEFORE_RATES.match(text)))


PLACES: dict[str, tuple[dict[bytes, bytes], dict[bytes, bytes], str, list[str]]] = {
    "changed": ({b"big": OLD + b"x"}, {b"big": OLD}, "2M", ["big: compared on both hosts"]),
    "another content": ({b"big": OTHER * 6}, {b"big": OLD}, "2M", ["big: compared on both hosts"]),
    "changed, over a fast link": ({b"big": OTHER * 6}, {b"big": b"some" * 9}, "10G", ["big: sent as a whole, because comparing takes longer"]),
    "renamed": ({b"new/name": OLD}, {b"old": OLD}, "2M", ["new/name: copied"]),
    "small ones renamed": ({b"new/a": b"a" * 99, b"new/b": b"b" * 99}, {b"a": b"a" * 99, b"b": b"b" * 99}, "2M", ["2 small file(s): copied"]),
    "a new version beside the old one": ({b"app-1.3.jar": OLD + b"x"}, {b"app-1.2.jar": OLD}, "2M", ["app-1.3.jar: compared on both hosts"]),
    "new": ({b"big": OLD}, {b"d/other": OTHER}, "2M", []),
    "nothing there": ({b"big": OLD}, {}, "2M", []),
    "an empty one": ({b"big": OLD}, {b"big": b""}, "2M", []),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("able", ["programs", "dd alone", "nothing in common"])
def test_a_dry_run_decides_as_the_run_behind_it(link: World, name: str, able: str) -> None:
    """In the same words, and without reading or changing anything."""
    new, old, limit, decisions = PLACES[name]
    if able != "programs":
        plain(link)
    if able == "nothing in common":
        master = link.host("master")
        master.tools = replace(master.tools, programs=master.tools.programs - {"dd"})
        decisions = [re.sub("compared on both hosts|sent as a whole.*", "sent as a whole, because both hosts have nothing in common to compare it by", one) for one in decisions]
    link.fill("master", b"/m", new)
    link.fill("proxy", b"/p", old)
    configuration = SLOW.replace("2M", limit)
    assert link.run("proxy", text=configuration, dry_run=True).exit_code == 11
    assert not {"chunks", "pieces", "assemble", "assemble-by", "reuse"} & set(link.host("proxy").started)
    assert link.host("proxy").below(b"/p") == old
    told = verdicts(decided(link))
    assert told == decisions
    link.events.clear()
    assert link.run("proxy", text=configuration).exit_code == 0
    assert verdicts(decided(link)) == told
    assert all(link.host("proxy").below(b"/p")[key] == data for key, data in new.items())


def test_a_dry_run_names_a_few_big_files_and_counts_the_others(link: World) -> None:
    files = {b"big%d" % number: random.Random(number).randbytes(1_200_000) for number in range(8)}
    link.fill("master", b"/m", {name: data + b"x" for name, data in files.items()} | {b"renamed": OLD})
    link.fill("proxy", b"/p", files | {b"before": OLD})
    assert link.run("proxy", text=SLOW, dry_run=True).exit_code == 11
    reckoned = "compared on both hosts, only what differs is sent: 2.0 MB/s for the link and 300 MB/s for digests are reckoned with until they are measured"
    assert decided(link) == ["renamed: copied on the child, nothing sent", *(f"big{number}: {reckoned}" for number in range(5)), f"3 more big file(s): {reckoned}"]


def test_the_report_tells_what_did_not_have_to_move(link: World) -> None:
    sync(link, OLD[:-1] + b"\0")
    report = fold(link.events)
    [told] = [one["bytes"] for one in as_json.summary(report)["repositories"]]
    assert told["saved"] == saved(link) > 3_900_000
    assert told["moved"] == len(OLD) - told["saved"]
