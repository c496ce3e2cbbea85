"""Streams of one big file: how many, which ranges, over which connections; what one that fails costs."""

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core.pieces import Extent, merged
from sshsync.errors import ConnectError, HostError
from sshsync.hosts.session import Session
from sshsync.model import events as ev
from sshsync.transfers.chunks import MOST, PROMPT, grain, length_at, shorter
from sshsync.transfers.load import Part, Span
from sshsync.transfers.relay import Relay
from sshsync.transfers.streams import LANES, LEAST, MOST_STREAMS, connected, portions, shares, useful
from sshsync.transports.memory import Fault, MemoryTransport
from tests.conftest import CHAIN, World, configure
from tests.shares import Family, Holding
from tests.unit.test_hosts import Net, host

FAR = 0.1
BIG = random.Random(6).randbytes(4 * LEAST + 12_345)
ONE_TRY = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 1")
RETRY = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 2")


@pytest.mark.parametrize(
    ("size", "round_trip", "streams"),
    [
        (1 << 40, 0.0, 1),
        (1 << 40, 0.001, 1),
        (1 << 40, 0.01, 1),
        (1 << 40, 0.02, 2),
        (1 << 40, 0.05, 5),
        (1 << 40, 0.1, MOST_STREAMS),
        (1 << 40, 0.6, MOST_STREAMS),
        (3 * LEAST, 0.6, 3),
        (LEAST - 1, 0.6, 1),
        (0, 0.6, 1),
    ],
)
def test_near_hosts_get_one_stream_and_far_ones_as_many_as_pay(size: int, round_trip: float, streams: int) -> None:
    assert useful(size, round_trip, 16 << 20) == streams


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(1, 1 << 34)), max_size=5), st.integers(1, MOST_STREAMS))
def test_portions_are_what_was_asked_for(ranges: list[tuple[int, int]], streams: int) -> None:
    wanted = merged([Extent(offset, length) for offset, length in ranges])
    found = portions([Span(b"key", one.offset, one.length) for one in wanted], streams)
    assert merged([Extent(one.offset, one.length) for one in found]) == wanted
    assert sum(one.length for one in found) == sum(one.length for one in wanted), "no byte comes twice"
    assert len(found) <= len(wanted) + streams
    assert all(one.length for one in found)


@pytest.mark.parametrize(
    ("size", "streams", "each"),
    [(1 << 30, 8, 2), (12 * LEAST, 8, 2), (12 * LEAST - 1, 8, 1), (1 << 30, 1, 1), (0, 1, 1)],
)
def test_a_stream_that_has_ended_brings_what_a_slower_one_would_have_had(size: int, streams: int, each: int) -> None:
    assert shares(size, streams) == each


@pytest.fixture
def far(world: World) -> World:
    world.fill("master", b"/m", {b"big": BIG})
    world.fill("proxy", b"/p", {})
    for name in ("master", "proxy"):
        world.host(name).round_trip = FAR
    return world


def stored(world: World) -> int:
    return world.host("proxy").started.count("store")


def test_a_far_file_comes_in_streams_and_a_near_one_in_one(far: World) -> None:
    assert far.run("proxy").exit_code == 0
    assert far.host("proxy").below(b"/p") == {b"big": BIG}
    assert stored(far) == 4
    assert sum(event.bytes for event in far.seen(ev.Progress)) == len(BIG)
    near = World(far.directory / "near")
    near.fill("master", b"/m", {b"big": BIG})
    near.fill("proxy", b"/p", {})
    assert near.run("proxy").exit_code == 0
    assert stored(near) == 1


@pytest.mark.parametrize(("streams", "stores"), [("1", 1), ("3", 3), ("auto", 4)])
def test_who_names_a_number_gets_it(far: World, streams: str, stores: int) -> None:
    assert far.run("proxy", text=CHAIN.replace("[DEFAULT]", f"[DEFAULT]\nstreams = {streams}")).exit_code == 0
    assert far.host("proxy").below(b"/p") == {b"big": BIG}
    assert stored(far) == stores


@pytest.mark.parametrize("text", ["0", "9", "-1", "many", "2.5"])
def test_a_number_of_streams_is_one(tmp_path, text: str) -> None:
    with pytest.raises(Exception, match="a number from 1 to 8, or auto"):
        configure(CHAIN.replace("[DEFAULT]", f"[DEFAULT]\nstreams = {text}"), tmp_path)


@pytest.mark.parametrize("which", [1, 2, 3, 4])
def test_one_stream_that_fails_is_tried_again_and_what_is_kept_is_not_sent_again(far: World, which: int) -> None:
    far.host("proxy").faults.append(Fault("short", "store", nth=which, after=LEAST // 2))
    assert far.run("proxy", text=RETRY).exit_code == 0
    assert far.host("proxy").below(b"/p") == {b"big": BIG}
    assert len(far.seen(ev.Retried)) == 1
    assert sum(event.bytes for event in far.seen(ev.Progress)) < 2 * len(BIG)


@pytest.mark.parametrize(("chunk", "streams"), [(16 << 20, 8), (8 << 20, 4), (2 << 20, 1), (1 << 16, 1)])
def test_a_link_that_breaks_gets_fewer_streams(chunk: int, streams: int) -> None:
    assert useful(1 << 40, FAR, chunk) == useful(1 << 40, 0.0, chunk, 8) == streams


def test_a_lane_leads_through_the_same_lane_of_the_jump_host() -> None:
    net = Net(most=64)
    try:
        first, second = (net.pool.lane(host("far", "jump"), number) for number in (0, 1))
        assert first is not second
        assert net.live() == ["jump", "far", "jump", "far"]
        assert net.pool.lane(host("far", "jump"), 0) is net.pool.session(host("far", "jump")) is first
        assert net.pool.lane(host("far", "jump"), 1) is second
        assert first.capabilities.tools
        third = net.pool.lane(host("far", "jump"), 2)
        known = len(net.hosts["far"].started)
        assert third.capabilities.tools
        assert len(net.hosts["far"].started) == known, "what the host can do is not asked for again"
    finally:
        net.pool.close()


def test_a_lane_that_cannot_be_had_is_no_error(far: World) -> None:
    hosts: dict[str, int] = {}
    lock = threading.Lock()
    transports = far.transports()
    made = transports["ssh"]

    def few(wanted, way):
        with lock:
            hosts[wanted.address] = hosts.get(wanted.address, 0) + 1
            count = hosts[wanted.address]
        if count > 2:
            raise ConnectError("no more of them", where=wanted.address)
        return made(wanted, way)

    far.transports = lambda: {**transports, "ssh": few}  # type: ignore[method-assign]
    assert far.run("proxy", text=ONE_TRY).exit_code == 0
    assert far.host("proxy").below(b"/p") == {b"big": BIG}
    assert not far.seen(ev.Retried)
    assert max(hosts.values()) <= LANES + 1


@pytest.fixture
def growing(tmp_path) -> Family:
    """A parent with a file of which only some can be read at first."""
    return Family(tmp_path, {b"big": BIG}, 1)


def test_what_comes_later_is_brought_while_what_was_there_is_still_being_written(growing: Family) -> None:
    half, held = len(BIG) // 2 // 65536 * 65536, Holding(growing.hosts["c0"])
    growing.targets["c0"] = Session(held, 30)
    later = [[Span(b"big", half, LEAST)], [Span(b"big", half + LEAST, len(BIG) - half - LEAST)]]

    def more(check) -> list[Span]:
        check()
        assert held.holds.wait(30)
        if not later:
            held.go.set()
        return later.pop(0) if later else []

    kept: list[Span] = []
    load = growing.load(Part, "c0", b"big")
    Relay(growing.reads()).fetch(load, [Span(b"big", 0, half)], growing.ends("c0", streams=0, more=more), kept.append)
    assert growing.staged("c0", load) == {b"big": BIG}
    assert merged([Extent(one.offset, one.length) for one in kept]) == (Extent(0, len(BIG)),)
    assert growing.moved["c0"] == len(BIG), "no byte comes twice"


@pytest.mark.parametrize("streams", [0, 1])
def test_whoever_waits_for_what_comes_later_waits_no_longer_than_for_the_first_failure(growing: Family, streams: int) -> None:
    growing.hosts["c0"].faults.append(Fault("short", "store", after=LEAST))

    def more(check) -> list[Span]:
        while True:
            check()
            threading.Event().wait(0.01)

    with pytest.raises(HostError):
        ends = growing.ends("c0", streams=streams, more=more)
        Relay(growing.reads()).fetch(growing.load(Part, "c0", b"big"), [Span(b"big", 0, 2 * LEAST)], ends, lambda _span: None)


@pytest.mark.parametrize("streams", [0, 1])
def test_what_goes_wrong_with_the_waiting_for_more_is_told(growing: Family, streams: int) -> None:
    def more(_check) -> list[Span]:
        raise ConnectError("nobody there", where="m")

    with pytest.raises(ConnectError, match="nobody there"):
        ends = growing.ends("c0", streams=streams, more=more)
        Relay(growing.reads()).fetch(growing.load(Part, "c0", b"big"), [Span(b"big", 0, LEAST)], ends, lambda _span: None)


@pytest.mark.parametrize("streams", [0, 1])
def test_a_night_in_which_something_comes_each_hour_is_nobody_s_delay(growing: Family, streams: int) -> None:
    """Whoever follows a parent waits as long as that lasts: by clocks of its own, a hundred times the timeout and more."""
    now = [0.0]
    growing.source = Session(growing.line, 30, clock=lambda: now[0])
    growing.targets["c0"] = Session(MemoryTransport(growing.hosts["c0"]), 30, clock=lambda: now[0])
    step = len(BIG) // 12 // 65536 * 65536
    later = [Span(b"big", at, min(step, len(BIG) - at)) for at in range(step, len(BIG), step)]

    def more(check) -> list[Span]:
        check()
        now[0] += 3600
        return [later.pop(0)] if later else []

    load = growing.load(Part, "c0", b"big")
    ends = growing.ends("c0", streams=streams, more=more, clock=lambda: now[0])
    Relay(growing.reads()).fetch(load, [Span(b"big", 0, step)], ends, lambda _span: None)
    assert now[0] > 12 * 3600
    assert growing.staged("c0", load) == {b"big": BIG}
    assert growing.moved["c0"] == len(BIG)


@given(st.lists(st.tuples(st.sampled_from(b"ab"), st.integers(0, 9), st.integers(1, 3)), max_size=9))
def test_connected_ranges_are_the_same_bytes_in_the_same_order(ranges: list[tuple[int, int, int]]) -> None:
    def each(spans: list[Span]) -> list[tuple[bytes, int]]:
        return [(span.key, place) for span in spans for place in range(span.offset, span.offset + span.length)]

    spans = [Span(b"%c" % key, offset, length) for key, offset, length in ranges]
    found = connected(spans)
    assert each(found) == each(spans)
    assert not any((one.key, one.offset + one.length) == (other.key, other.offset) for one, other in zip(found, found[1:], strict=False))


def test_a_chunk_is_what_comes_in_a_moment_and_shorter_on_a_link_that_broke() -> None:
    assert length_at(1 << 30, 25e6) == 16 << 20
    assert length_at(1 << 30, 25e6, seconds=PROMPT) == 2 << 20
    assert grain(MOST) == MOST
    most = shorter(MOST, 8_000_000)
    assert grain(most) * 32 <= 8_000_000, "a cut costs a thirtieth of what came before it"
    assert grain(shorter(1 << 16, 0)) == 1 << 16
