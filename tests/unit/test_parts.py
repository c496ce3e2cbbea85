"""Big files: what a part holds is proven, and nothing of it is sent again."""

import hashlib
import os
import random
import threading

import pytest

from sshsync.model import events as ev
from sshsync.transfers.chunks import length_at
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

RETRY = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 2")
BIG = random.Random(5).randbytes(4_000_000)
CHUNK, PIECE = 1 << 16, 1 << 20
FULL = os.environ.get("SSHSYNC_FULL") == "1"


@pytest.fixture
def big(world: World) -> World:
    world.fill("master", b"/m", {b"big": BIG})
    world.fill("proxy", b"/p", {})
    return world


def moved(world: World) -> int:
    return sum(event.bytes for event in world.seen(ev.Progress))


def parts(world: World) -> list[bytes]:
    return [path for path in world.host("proxy").files if b"/.sshsync/part/" in path]


@pytest.mark.parametrize("after", [1, CHUNK - 1, CHUNK, CHUNK + 1, 1_000_000, 3_900_000])
def test_a_cut_costs_a_chunk_at_most(big: World, after: int) -> None:
    big.host("proxy").faults.append(Fault("short", "store", after=after))
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}
    lost = length_at(1 << after.bit_length() - 1, 1e12) + PIECE
    assert moved(big) <= len(BIG) + lost, "a chunk, which is never longer than what lies before it, and what was under way"
    assert sum(event.bytes for event in big.seen(ev.Resent)) <= lost
    assert not parts(big)


def test_a_link_that_breaks_again_and_again_is_not_given_up_while_something_is_kept(big: World) -> None:
    big.host("proxy").faults += [Fault("short", "store", after=300_000) for _ in range(40)]
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}
    assert len(big.seen(ev.Retried)) > 10, "far more tries than retries allows in a row"
    assert {event.wait for event in big.seen(ev.Retried)} == {0}, "who may have kept something goes on at once"


def test_chunks_are_shorter_from_the_first_try_after_a_cut(big: World) -> None:
    big.host("proxy").faults += [Fault("short", "store", after=after) for after in (1_500_000, 2_400_000)]
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}
    first = next(at for at, event in enumerate(big.events) if isinstance(event, ev.Retried))
    lengths = [length for event in big.events[first:] if isinstance(event, ev.Sent) for _, length, _ in event.chunks]
    assert lengths
    assert max(lengths) == CHUNK, "of the eighth of a mebibyte that another cut may cost there are several"


def test_nothing_that_is_sent_after_a_cut_waits_for_what_is_said_of_what_was_sent_before(big: World) -> None:
    proxy, brought, told = big.host("proxy"), threading.Event(), []
    proxy.faults += [
        *[Fault("short", "store", after=1_000_000) for _ in range(2)],
        Fault("none", "store", then=brought.set),
        Fault("none", "chunks"),
        Fault("none", "chunks", first=lambda: told.append(brought.wait(5))),
    ]
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert told == [True]
    assert proxy.below(b"/p") == {b"big": BIG}
    assert moved(big) < len(BIG) + 2_000_000


def test_what_was_sent_before_and_is_not_right_is_sent_again(big: World) -> None:
    proxy = big.host("proxy")

    def rot() -> None:
        (part,) = parts(big)
        data = proxy.files[part].data
        proxy.files[part].data = data[:99] + bytes([data[99] ^ 1]) + data[100:]

    proxy.faults += [Fault("short", "store", after=2_000_000, then=rot)]
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert proxy.below(b"/p") == {b"big": BIG}
    assert "chunks" in proxy.started



def test_where_an_answer_was_lost_with_its_connection_the_look_comes_first(big: World) -> None:
    proxy = big.host("proxy")
    proxy.faults += [
        *[Fault("short", "store", after=500_000) for _ in range(4)],
        *[Fault(kind, "chunks") for kind in ("none", "refuse", "none")],
    ]
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert proxy.below(b"/p") == {b"big": BIG}
    looks = [name for name in proxy.started if name in ("carry-on", "store", "chunks")]
    assert looks[:4] == ["store", "carry-on", "chunks", "store"], "before the first answer, too"
    assert looks[4] == "carry-on"
    assert {*looks[5:7]} == {"store", "chunks"}
    assert looks[7:10] == ["carry-on", "chunks", "store"]


def test_a_link_on_which_nothing_can_be_kept_is_given_up(big: World) -> None:
    big.host("proxy").faults += [Fault("short", "store", after=CHUNK - 1) for _ in range(40)]
    assert big.run("proxy", text=RETRY).exit_code == 75
    assert big.host("proxy").started.count("store") == 3, "as often as retries allows, and once to find out what the first kept"


def test_what_an_earlier_run_left_is_compared_and_the_rest_is_sent(big: World) -> None:
    big.host("proxy").faults += [Fault("short", "store", after=1_000_000), *[Fault("refuse", "carry-on") for _ in range(99)]]
    assert big.run("proxy", text=RETRY).exit_code == 75
    big.host("proxy").faults.clear()
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}
    assert moved(big) <= len(BIG) - 1_000_000 + CHUNK
    assert any("are there already" in event.text for event in big.seen(ev.Remarked))


@pytest.mark.parametrize("chunk", range(0, len(BIG) // CHUNK, 1 if FULL else 10))
def test_a_part_of_which_a_bit_was_altered_costs_that_chunk(big: World, chunk: int) -> None:
    proxy, at = big.host("proxy"), chunk * CHUNK + 99
    name = b"/p/.sshsync/part/" + hashlib.sha256(BIG).hexdigest().encode() + b".0123456789abcdef-1"
    proxy.put(name, BIG[:at] + bytes([BIG[at] ^ 1]) + BIG[at + 1 :])
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert proxy.below(b"/p") == {b"big": BIG}
    assert moved(big) == CHUNK


@pytest.mark.parametrize("script", ["ranges", "store"])
def test_a_block_that_breaks_on_the_way_costs_a_block(big: World, script: str) -> None:
    if script == "ranges":
        big.host("master").faults.append(Fault("flip", "ranges"))
    else:
        proxy = big.host("proxy")

        def corrupt() -> None:
            (part,) = parts(big)
            proxy.files[part].data = proxy.files[part].data[:-1] + b"\0"

        proxy.faults.append(Fault("none", "store", then=corrupt))
    result = big.run("proxy", text=RETRY)
    assert result.exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}
    assert len(BIG) < moved(big) <= len(BIG) + CHUNK + 1
    assert sum(event.bytes for event in big.seen(ev.Resent)) == moved(big) - len(BIG), "and the report says so"


def test_two_files_of_one_content_side_by_side_share_no_part_at_once(big: World) -> None:
    big.fill("master", b"/m", {b"big": BIG, b"twin": BIG})
    big.host("proxy").faults += [Fault("short", "store", after=1_000_000), Fault("short", "store", nth=3, after=500_000)]
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG, b"twin": BIG}


@pytest.mark.parametrize(("one", "other"), [(1, 9), (9, 1), (9, 10)])
def test_two_parts_of_one_content_are_both_gone_on_with(big: World, one: int, other: int) -> None:
    big.fill("master", b"/m", {b"big": BIG, b"twin": BIG})
    for number, blocks in enumerate((one, other)):
        name = b"/p/.sshsync/part/%s.0123456789abcdef-%d" % (hashlib.sha256(BIG).hexdigest().encode(), number)
        big.host("proxy").put(name, BIG[: blocks * CHUNK])
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG, b"twin": BIG}
    assert moved(big) <= 2 * len(BIG) - (one + other) * CHUNK
    assert not parts(big)


@pytest.mark.parametrize("kind", ["torn", "open"])
def test_who_still_writes_to_a_part_keeps_a_file_of_his_own(big: World, kind: str) -> None:
    proxy = big.host("proxy")
    proxy.faults += [Fault(kind, "store"), Fault("none", "publish", first=proxy.wake)]
    assert big.run("proxy", text=RETRY).exit_code == 0
    proxy.wake()
    assert proxy.below(b"/p") == {b"big": BIG}
    assert moved(big) <= len(BIG) * (2 if kind == "torn" else 1) + CHUNK


def test_a_part_whose_parent_changed_is_not_gone_on_with(big: World) -> None:
    new = BIG[:1_500_000] + b"new" + BIG[1_500_003:]
    big.host("proxy").faults.append(Fault("short", "store", after=1_000_000, then=lambda: None))
    big.host("proxy").faults.append(Fault("none", "carry-on", first=lambda: big.host("master").put(b"/m/big", new)))
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": new}
    assert not parts(big)


def test_a_host_without_dd_begins_anew(big: World) -> None:
    proxy = big.host("proxy")
    proxy.tools = type(proxy.tools)(programs=proxy.tools.programs - {"dd"})
    proxy.faults.append(Fault("short", "store", after=1_000_000))
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert proxy.below(b"/p") == {b"big": BIG}


def test_a_connection_that_is_refused_before_anything_lies_there_is_made_again(big: World) -> None:
    big.host("proxy").faults.append(Fault("refuse", "store"))
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}


def test_a_parent_without_dd_gives_whole_files(big: World) -> None:
    master = big.host("master")
    master.tools = type(master.tools)(programs=master.tools.programs - {"dd"})
    big.host("proxy").faults.append(Fault("short", "store", after=1_000_000))
    assert big.run("proxy", text=RETRY).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}


@pytest.mark.parametrize("times", [1, 3])
def test_an_answer_that_is_lost_after_the_deed_loses_nothing_of_a_part(big: World, times: int) -> None:
    big.host("proxy").faults += [Fault("short", "store", after=2_000_000), *[Fault("lose", "carry-on") for _ in range(times)]]
    assert big.run("proxy", text=RETRY.replace("retries = 2", "retries = 9")).exit_code == 0
    assert big.host("proxy").below(b"/p") == {b"big": BIG}
    assert sum(event.bytes for event in big.seen(ev.Resent)) < 1_700_000, "what lay there is found under the name that it got"
    assert not parts(big)
