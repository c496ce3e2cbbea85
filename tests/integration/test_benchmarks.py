"""Every row of the benchmarks does its work, small: the right bytes at the end, by every way. Times are for `script/bench`."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import plot, table, trees
from benchmarks.row import Figures, Target
from benchmarks.rows import ROWS
from benchmarks.wire import Abilities, Count, Link, NotPossibleError, RelayWire, abilities, kind, open_wire
from tests.sshd import SSHD, require
from tests.values import some

PROJECT = Path(__file__).resolve().parent.parent.parent
NOTHING = Abilities(namespaces=False, netem=False, tun=False)
NAMESPACES = Abilities(namespaces=True, netem=False, tun=True)
LOSING = {"lossy"}
NOT_YET: dict[str, str] = {}


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=170)


def rows() -> Iterator[object]:
    for name in ROWS:
        marks = [pytest.mark.xfail(reason=NOT_YET[name], strict=True)] if name in NOT_YET else []
        yield pytest.param(name, marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("name", some(rows(), 4))
def test_a_row_small_ends_with_the_right_bytes(name: str, tmp_path: Path) -> None:
    require(Path(SSHD).exists(), "sshd")
    for program in ROWS[name].needs:
        require(shutil.which(program) is not None, program)
    if name in LOSING:
        require(abilities().namespaces, "a network namespace")
    over = () if name in LOSING else ("--relay",)
    done = bench(name, "--small", *over, "--json", str(tmp_path / "figures"))
    found = json.loads((tmp_path / "figures").read_text())["rows"]
    assert found, done.stdout + done.stderr
    for step, fact in found.items():
        for way, figures in fact["ways"].items():
            assert figures["arrived"], f"{step}: {way}: {done.stdout}"
    assert done.returncode == 0


def test_an_unknown_row_is_told_with_those_that_there_are() -> None:
    done = bench("nothing")
    assert done.returncode == 2
    assert all(name in done.stderr for name in ROWS)


def test_what_makes_a_link_is_the_first_that_can() -> None:
    assert kind(Link(), NOTHING) == "relay"
    assert kind(Link(), NAMESPACES) == "veth"
    assert kind(Link(rate=1e6), NAMESPACES) == "veth"
    assert kind(Link(delay=0.01), NAMESPACES) == "relay"
    assert kind(Link(cut=1), NAMESPACES) == "relay"
    assert kind(Link(loss=0.01), NAMESPACES) == "tun"
    assert kind(Link(loss=0.01), Abilities(namespaces=True, netem=True, tun=True)) == "veth"


@pytest.mark.parametrize(("link", "can"), [(Link(loss=0.01), NOTHING), (Link(loss=0.01, cut=1), NAMESPACES)])
def test_a_link_that_cannot_be_made_is_refused(link: Link, can: Abilities) -> None:
    with pytest.raises(NotPossibleError):
        kind(link, can)


class Echo:
    """A server that sends back what it gets."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.port = int(listener.getsockname()[1])
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            try:
                while data := connection.recv(1 << 16):
                    connection.sendall(data)
            except OSError:
                pass  # the link was cut


@pytest.fixture
def echo() -> Iterator[Echo]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Echo(listener)


def exchange(connection: socket.socket, data: bytes) -> bytes:
    """Send, and return what came back until the other end closed."""
    got = io.BytesIO()

    def read() -> None:
        try:
            while piece := connection.recv(1 << 16):
                got.write(piece)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the link was cut
    reader.join()
    return got.getvalue()


@pytest.mark.parametrize("link", [Link(), Link(delay=0.005), Link(delay=0.001, rate=50e6)], ids=str)
def test_a_relay_carries_every_byte_and_counts_both_ways(link: Link, echo: Echo) -> None:
    data = os.urandom(1_000_000)
    wire = RelayWire(link)
    try:
        with socket.create_connection((wire.address, wire.join(echo.port))) as connection:
            assert exchange(connection, data) == data
        assert wire.count() == Count(sent=len(data), received=len(data), cuts=0)
    finally:
        wire.close()


def test_a_relay_lasts_until_its_host_listens() -> None:
    """Whoever comes too early is turned away, and nobody after him."""
    wire = RelayWire(Link())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    try:
        joined = wire.address, wire.join(port)
        with socket.create_connection(joined) as early:
            assert early.recv(1) == b""
        with socket.create_server(("127.0.0.1", port)) as host, socket.create_connection(joined) as connection:
            host.settimeout(20)
            there, _ = host.accept()
            with there:
                connection.sendall(b"x")
                assert there.recv(1) == b"x"
    finally:
        wire.close()


def test_a_relay_breaks_its_connections_when_so_many_bytes_came_through(echo: Echo) -> None:
    wire = RelayWire(Link(cut=400_000))
    try:
        with socket.create_connection((wire.address, wire.join(echo.port))) as connection:
            assert len(exchange(connection, bytes(2_000_000))) < 2_000_000
        assert wire.count().cuts == 1
    finally:
        wire.close()


@pytest.mark.parametrize("link", [Link(rate=50e6), Link(delay=0.005, loss=0.02, rate=50e6)], ids=str)
def test_a_namespace_carries_every_byte(link: Link) -> None:
    require(abilities().namespaces and (abilities().tun or abilities().netem), "a network namespace")
    wire = open_wire(link, abilities())
    server = "import socket,sys; s=socket.create_server((sys.argv[1], 2222)); print(flush=True); c=s.accept()[0]\nwhile d:=c.recv(65536): c.sendall(d)"
    command = [*wire.inside, sys.executable, "-c", server, wire.listen]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as echo:
            assert echo.stdout
            echo.stdout.readline()
            data = os.urandom(300_000)
            with socket.create_connection((wire.address, wire.join(2222))) as connection:
                assert exchange(connection, data) == data
        count = wire.count()
        assert count.sent > len(data)
        assert count.received > len(data)
    finally:
        wire.close()


def test_data_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        trees.small(tmp_path / name, 30, 100, by=7)
        trees.big(tmp_path / name / "big", 3_000_000)
        trees.sparse(tmp_path / name / "sparse", 40 << 20)
        trees.real(tmp_path / name / "real", 60)
        trees.age(tmp_path / name / "real")
    assert trees.digests(tmp_path / "one") == trees.digests(tmp_path / "two")


def test_a_mirror_is_equal_and_leaves_alone_what_stays(tmp_path: Path) -> None:
    young, old, copy = tmp_path / "young", tmp_path / "old", tmp_path / "copy"
    trees.real(young, 200)
    trees.mirror(young, old)
    trees.age(old)
    trees.mirror(young, copy)
    inodes = {file.relative_to(copy): file.stat().st_ino for file in copy.rglob("*")}
    trees.mirror(old, copy)
    assert trees.digests(copy) == trees.digests(old) != trees.digests(young)
    stayed = [name for name in inodes if (copy / name).exists()]
    assert len(stayed) >= len(inodes) - 6
    assert all((copy / name).stat().st_ino == inodes[name] for name in stayed)


def figures(seconds: float, *, arrived: bool = True, sent: int = 0) -> Figures:
    return Figures(seconds, sent, 0, 50 << 20, arrived, {})


@pytest.mark.parametrize(
    ("target", "ours", "value", "reached"),
    [
        (Target("seconds", 0.5, "rsync"), figures(4.0), "0.40 ×", True),
        (Target("seconds", 0.5, "rsync"), figures(6.0), "0.60 ×", False),
        (Target("seconds", 0.5, "rsync"), figures(4.0, arrived=False), "did not arrive", False),
        (Target("seconds", 1.0, "rsync", plus=1.0), figures(10.9), "+0.9 s", True),
        (Target("wire", 1.1, "rsync"), figures(1.0, sent=120), "1.20 ×", False),
        (Target("memory", 60 << 20), figures(1.0), "50.0 MiB", True),
    ],
)
def test_a_target_tells_how_far_it_is(target: Target, ours: Figures, value: str, reached: bool) -> None:
    told = table.reached(target, {"sshsync": ours, "rsync": figures(10.0, sent=100)})
    assert (told["value"], told["reached"]) == (value, reached)


def test_pictures_are_whole_svg_whatever_the_names_are() -> None:
    bars = [plot.Bar("a <b> & 'c'", 3.0, "3 s", ours=True), plot.Bar("none", 0.0, "0 s", failed=True)]
    for drawn in (
        plot.bars("<title> & more", {"group": bars, "empty": []}),
        plot.curves("growth", "entries", {"a": [(1, 1.0), (10, 90.0)], "b": [(1, 0.1), (10, 3.0)], "c": []}, "s"),
        plot.curves("nothing", "entries", {}, "s"),
    ):
        assert ElementTree.fromstring(drawn).tag.endswith("svg")
