"""A big file over a connection that is cut, and by a controller that is killed, at every place: real servers."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sshsync.api import Sync, load
from sshsync.model.events import Event, Progress
from tests.integration.conftest import Site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

FULL = os.environ.get("SSHSYNC_FULL") == "1"
BIG = random.Random(9).randbytes(4 << 20)
BLOCK = 64 << 10
RATE = 2_000_000
"""Bytes a second: so few that next to nothing is on its way that has not arrived."""
UNDER_WAY = 8 * BLOCK
"""Bytes that may be, a quarter of a second's: two steps of the pace, what a pipe holds, and words that are not the file's."""


class Relay:
    """Carries connections to a server; once so many bytes went there over one of them, all are cut."""

    def __init__(self, port: int, after: int) -> None:
        self._port = port
        self._left = after
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def cut(self) -> bool:
        """Whether it did."""
        return self._left < 0

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                with self._lock:
                    self._open += [client, server]
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, there: bool) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 14):
                if there and self._spend(len(data)):
                    return
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _spend(self, count: int) -> bool:
        """Count bytes; tell whether everything was cut at that."""
        with self._lock:
            before, self._left = self._left, self._left - count
            if before < 0 or self._left >= 0:
                return False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            return True

    def close(self) -> None:
        self._listener.close()
        with self._lock:
            for end in self._open:
                end.close()


@pytest.fixture
def target(site: Site) -> Iterator[Site]:
    """A master on this machine, and a child behind a server."""
    site.fill("m", {"big": BIG})
    site.root("c")
    yield site


def configure(site: Site, port: int = 0) -> None:
    """Point to the child, by another port when that is given: then it is known by a relay, which nobody has seen yet."""
    server = site.server("c")
    values = {"port": port, "host_key": " ".join(server.known.split()[1:])} if port else {}
    section = server.section(path=site.root("c"), parent="m", **values)
    site.write(f"[DEFAULT]\nstable_for = 0\nretries = 3\nstreams = 1\nbwlimit = {RATE}\n[m]\ntransport = local\npath = {site.root('m')}\n[c]\n{section}")


def brought(site: Site) -> int:
    """Run it in this process; return the bytes that moved."""
    events: list[Event] = []
    with Sync(load(site.config), sinks=[events.append]) as sync:
        result = sync.run([["c"]])
    assert result.exit_code == 0, [job.error for job in result.report.jobs]
    assert (site.root("c") / "big").read_bytes() == BIG
    return sum(event.bytes for event in events if isinstance(event, Progress))


def edge_below(place: int) -> int:
    """Return where the chunk begins that a place is in: each is as long as all before it, as long as nothing is known of the link."""
    return 0 if place < BLOCK else 1 << place.bit_length() - 1


def emptied(site: Site) -> None:
    (site.root("c") / "big").unlink(missing_ok=True)
    for file in (site.directory / "state").glob("journal*"):
        file.unlink()


def test_a_cut_at_every_64_kib_costs_what_was_under_way(target: Site, figure) -> None:
    """Every place only in the nightly suite; each time the file arrives, and little is sent again."""
    step, most, cuts = BLOCK if FULL else 11 * BLOCK, 0, 0
    for place in range(BLOCK, len(BIG), step):
        emptied(target)
        relay = Relay(target.server("c").port, place)
        try:
            configure(target, relay.port)
            moved = brought(target)
        finally:
            relay.close()
        cuts += relay.cut
        most = max(most, moved - len(BIG))
        # What was under way had not arrived, and some of it not even left.
        kept = edge_below(place - UNDER_WAY)
        assert moved <= len(BIG) + place + UNDER_WAY - kept, f"cut after {place} bytes"
    figure("cuts", cuts)
    figure("kB sent again at the most", most // 1000)
    assert cuts == len(range(BLOCK, len(BIG), step))


DRIVER = """
import os, signal, sys
from pathlib import Path
from sshsync.api import Sync, load
from sshsync.model import events as ev

left = int(sys.argv[2])

def kill(event):
    global left
    left -= event.bytes if isinstance(event, ev.Progress) else 0
    if left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)

with Sync(load(Path(sys.argv[1])), sinks=[kill]) as sync:
    sync.run([["c"]])
"""


def test_a_kill_at_every_chunk_edge_costs_what_was_under_way(target: Site, figure) -> None:
    """Chunks double in length as long as nothing is known of the link: their edges are powers of two."""
    edges = [BLOCK << n for n in range(7)] if FULL else [BLOCK, 1 << 20, 4 << 20]
    configure(target)
    most = 0
    for edge in edges:
        emptied(target)
        command = [sys.executable, "-c", DRIVER, str(target.config), str(edge)]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
        moved = brought(target)
        most = max(most, moved + edge - len(BIG))
        assert moved <= len(BIG) - edge + UNDER_WAY, f"killed after {edge} bytes"
    figure("edges", len(edges))
    figure("kB sent again at the most", most // 1000)
