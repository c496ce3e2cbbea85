"""Meters: bytes on the wire are shown while others wait for the journal's disk."""

import threading

from sshsync.engine.sinks import FanOut, Folding
from sshsync.executors.threads import Threads
from sshsync.model import events as ev
from sshsync.state.journal import Journal
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

AT_MOST = 10.0
"""Seconds after which a test says that somebody waits for ever."""


def test_a_meter_waits_for_no_other_event() -> None:
    busy, free = threading.Event(), threading.Event()
    seen: list[ev.Event] = []

    def slow(event: ev.Event) -> None:
        if not isinstance(event, ev.Progress):
            busy.set()
            assert free.wait(AT_MOST)

    fan = FanOut([slow, seen.append])
    other = threading.Thread(target=fan, args=(ev.Remarked("a", "written to a slow disk"),))
    other.start()
    assert busy.wait(AT_MOST)
    metered = threading.Thread(target=fan, args=(ev.Progress("b", 7),))
    metered.start()
    metered.join(AT_MOST)
    shown = list(seen)
    free.set()
    other.join(AT_MOST)
    assert shown == [ev.Progress("b", 7)]
    assert seen == [ev.Progress("b", 7), ev.Remarked("a", "written to a slow disk")]


def test_meters_are_no_part_of_a_report() -> None:
    folding = Folding()
    folding(ev.Progress("a", 7))
    assert folding.report.repositories == {}


def test_bytes_are_shown_while_another_repository_waits_for_the_disk(world: World) -> None:
    """The first node reads when the second does too; the second's bytes come while the first's end is being written."""
    writing, metered = threading.Event(), threading.Event()
    both = threading.Barrier(2)

    class Slow(Journal):
        def keep(self, entry: ev.Entry) -> None:
            event = entry.event
            if isinstance(event, ev.Published) and event.repository != "proxy" and not writing.is_set():
                writing.set()
                assert metered.wait(AT_MOST), "no bytes were shown meanwhile"
            super().keep(entry)

    def read() -> None:
        if both.wait(AT_MOST):
            assert writing.wait(AT_MOST)

    def show(event: ev.Event) -> None:
        if isinstance(event, ev.Progress) and writing.is_set():
            metered.set()

    # Each wants another file, or the parent would be read once for both.
    text = CHAIN.replace("[node1]", "[node1]\ninclude = a").replace("[node2]", "[node2]\ninclude = b")
    world.fill("master", b"/m", {b"a": b"alpha", b"b": b"beta"})
    assert world.run("proxy").exit_code == 0
    world.host("proxy").faults += [Fault("none", "read", first=read), Fault("none", "read", first=read)]
    result = world.run("node1,node2", text=text, executor=Threads(2), journal=Slow, sinks=[show])
    assert result.exit_code == 0
    assert metered.is_set()
