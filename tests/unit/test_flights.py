"""Several packs on their way at once: who goes beside others, who goes alone, and what a break costs."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from sshsync.appliers.flights import ABREAST, Flights
from sshsync.model import events as ev
from sshsync.model.change import Copy
from sshsync.model.item import Item
from sshsync.transfers.load import PACK_FILES, Batch, Load, Loose, Pack, Part
from sshsync.transports.memory import Fault
from tests.conftest import World

ONE = "[DEFAULT]\nstable_for = 0\n[master]\nhost = master\npath = /m\n[proxy]\nhost = proxy\npath = /p\nparent = master\n"
FILES = {b"f%05d" % number: b"%d" % number for number in range(4 * PACK_FILES)}
CHANGE = Copy(Item(b"a", "sha256:00"))


def nothing() -> None:
    """Check nothing."""


class _Taken(Exception):
    """No flight is free."""


def busy() -> None:
    raise _Taken


def free(flights: Flights, load: Load, *, again: bool = False) -> bool:
    """Tell whether a batch could go now."""
    try:
        with flights.of(Batch("relay", load), busy, again=again):
            return True
    except _Taken:
        return False


@contextmanager
def packs(flights: Flights, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(flights.of(Batch("relay", Pack((CHANGE,))), nothing))
        yield


def test_so_many_packs_go_at_once_and_whatever_else_goes_alone() -> None:
    flights = Flights()
    with packs(flights, ABREAST - 1):
        assert free(flights, Pack((CHANGE,)))
        assert not free(flights, Pack((CHANGE,)), again=True)
        assert not free(flights, Part((CHANGE,)))
        assert not free(flights, Loose((CHANGE,)))
    with packs(flights, ABREAST):
        assert not free(flights, Pack((CHANGE,)))
    with flights.of(Batch("relay", Part((CHANGE,))), nothing):
        assert not free(flights, Pack((CHANGE,)))
    with flights.none(nothing):
        assert not free(flights, Pack((CHANGE,)))
    assert free(flights, Part((CHANGE,))), "what was not to be had in time takes nothing away"


def test_where_a_host_is_narrow_each_goes_alone() -> None:
    flights = Flights()
    flights.narrow = True
    with packs(flights, 1):
        assert not free(flights, Pack((CHANGE,)))


def test_packs_are_on_their_way_at_once(world: World) -> None:
    world.fill("master", b"/m", FILES)
    proxy = world.host("proxy")
    met = threading.Barrier(ABREAST, timeout=20)
    proxy.faults += [Fault("none", "unpack", first=met.wait) for _ in range(ABREAST)]
    assert world.run("proxy", text=ONE).exit_code == 0
    assert proxy.below(b"/p") == FILES
    assert not met.broken


def test_what_a_break_cost_goes_again_one_by_one_and_is_counted_as_what_it_was(world: World) -> None:
    """All that were on their way are lost together; then a link that breaks costs one of them, until it has arrived."""
    world.fill("master", b"/m", FILES)
    proxy = world.host("proxy")
    met = threading.Barrier(ABREAST, timeout=20)
    at_once: list[int] = []
    running, lock = [0], threading.Lock()

    def begin() -> None:
        with lock:
            running[0] += 1
            at_once.append(running[0])

    def end() -> None:
        with lock:
            running[0] -= 1

    proxy.faults += [Fault("torn", "unpack", first=met.wait) for _ in range(ABREAST)]
    proxy.faults += [Fault("none", "unpack", first=begin, then=end) for _ in range(ABREAST)]
    assert world.run("proxy", text=ONE + "retries = 3\n").exit_code == 0
    assert proxy.below(b"/p") == FILES
    assert at_once == [1] * ABREAST
    assert len(world.seen(ev.Retried)) == ABREAST
    sizes = [sum(len(FILES[key]) for key in sorted(FILES)[at : at + PACK_FILES]) for at in range(0, len(FILES), PACK_FILES)]
    assert sorted(event.bytes for event in world.seen(ev.Resent)) == sorted(sizes[:ABREAST])


def test_where_one_is_given_up_the_others_are_not_tried_on(world: World) -> None:
    """Whoever is next in line may have begun before the word that the first was given up; nobody begins after it."""
    world.fill("master", b"/m", FILES)
    proxy = world.host("proxy")
    tries: list[threading.Thread] = []
    lock = threading.Lock()

    def begin() -> None:
        own = threading.current_thread()
        with lock:
            given_up = next((one for one in tries if one is not own and tries.count(one) == 3), own)
            tries.append(own)
        if given_up is not own:
            # When its thread has ended, it has told the others.
            given_up.join(20)

    proxy.faults += [Fault("lose", "unpack", first=begin) for _ in range(1000)]
    found = world.run("proxy", text=ONE + "retries = 3\n")
    assert found.exit_code == 75
    assert {thread.name for thread in tries} == {"sshsync-ahead"}
    assert len(tries) < 3 * ABREAST, "the others end with the first"
    assert proxy.below(b"/p") == {}


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_one_of_several_that_arrives_damaged_is_sent_again_alone(world: World, nth: int) -> None:
    world.fill("master", b"/m", FILES)
    world.host("master").faults.append(Fault("flip", "read", nth, after=50))
    assert world.run("proxy", text=ONE).exit_code == 0
    assert world.host("proxy").below(b"/p") == FILES
