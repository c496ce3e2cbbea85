"""The link between the controller and one host: what it is like (`Link`), and what went over it (`Count`).

Three things make a link, and `kind` decides:

- `veth`: a network namespace for the host, and the kernel's own rate (tbf), delay and loss (netem). Needs root.
- `tun`: a namespace behind packets in user space (`packets.py`): loss for kernels without netem. Needs root.
- `relay`: a TCP relay on loopback (`relay.py`): delay, rate, and the only one that cuts. No loss, no root.

Delay without loss is always the relay's: it shows what SSH makes of a long link apart from the TCP settings of the
machine. Every peer of a row is counted by the same counter: bytes of packets in a namespace, of connections at a relay.
"""

import abc
import contextlib
import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent


class NotPossibleError(Exception):
    """This machine cannot make the link that a row needs."""


@dataclass(frozen=True)
class Link:
    """What a link is like. `delay` in seconds each way, `rate` in bytes a second (0: any).

    `loss` is a share of the packets; after each `cut` bytes that came through (0: never) all connections break.
    """

    delay: float = 0.0
    rate: float = 0.0
    loss: float = 0.0
    cut: int = 0


@dataclass(frozen=True)
class Abilities:
    """What this machine can make links with."""

    namespaces: bool
    netem: bool
    tun: bool


@dataclass(frozen=True)
class Count:
    """Bytes that the controller sent and received over a link, and how often it broke."""

    sent: int = 0
    received: int = 0
    cuts: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.sent + other.sent, self.received + other.received, self.cuts + other.cuts)

    def __sub__(self, other: "Count") -> "Count":
        return Count(self.sent - other.sent, self.received - other.received, self.cuts - other.cuts)


def kind(link: Link, can: Abilities) -> str:
    """Return what makes this link here: `veth`, `tun` or `relay`. NotPossibleError says what the machine lacks."""
    if link.loss:
        if link.cut:
            raise NotPossibleError("a link that loses packets is not cut: no row needs that")
        if can.namespaces and can.netem:
            return "veth"
        if can.namespaces and can.tun:
            return "tun"
        raise NotPossibleError("losing packets needs root, network namespaces, and netem or /dev/net/tun")
    return "veth" if can.namespaces and not link.cut and not link.delay else "relay"


class Wire(abc.ABC):
    """One link that stands. `address` and `port` are where the controller finds the host's sshd."""

    address: str
    made_by: str = ""
    inside: tuple[str, ...] = ()
    """Words before a command that put it where the host is."""
    listen: str = "127.0.0.1"
    """The address at which the host's sshd listens."""

    @abc.abstractmethod
    def join(self, port: int) -> int:
        """Lead to the host's sshd at this port, and return the port at which the controller finds it."""

    @abc.abstractmethod
    def count(self) -> Count:
        """Return what went over it until now."""

    @abc.abstractmethod
    def close(self) -> None:
        """Take it down."""


class RelayWire(Wire):
    """Over loopback, through a relay of its own."""

    address = "127.0.0.1"
    made_by = "relay"

    def __init__(self, link: Link) -> None:
        self._link = link
        self._process: subprocess.Popen[str] | None = None

    def join(self, port: int) -> int:
        words = [port, self._link.delay, self._link.rate, self._link.cut]
        self._process = program("relay", *words)
        return int(_line(self._process))

    def count(self) -> Count:
        process = self._process
        assert process
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        return Count(*map(int, _line(process).split()))

    def close(self) -> None:
        if self._process:
            end(self._process)


class NamespaceWire(Wire):
    """A namespace for the host behind two devices: a veth pair, or two TUN devices with a program between them."""

    _numbers = itertools.count()

    def __init__(self, link: Link, made_by: str) -> None:
        self.made_by = made_by
        number = next(self._numbers)
        self._name = f"sshsync-bench-{os.getpid()}-{number}"
        self._near, self._far = (f"sb{os.getpid()}n{number}{end}" for end in "ab")
        self._process: subprocess.Popen[str] | None = None
        self.inside = ("ip", "netns", "exec", self._name)
        # 198.18.0.0/15 is what RFC 2544 sets aside for measuring.
        net = ((os.getpid() * 64 + number) % 32768) * 4
        near, far = (f"198.{18 + (net >> 16)}.{net >> 8 & 255}.{net + end & 255}" for end in (1, 2))
        self.address = self.listen = far
        try:
            run("ip", "netns", "add", self._name)
            {"veth": self._veth, "tun": self._tun}[made_by](link)
            run("ip", "addr", "add", near, "peer", far, "dev", self._near)
            self._within("ip", "addr", "add", far, "peer", near, "dev", self._far)
            for device in ("lo", self._far):
                self._within("ip", "link", "set", device, "up")
            run("ip", "link", "set", self._near, "up")
            # The default of most hosts, whatever this machine prefers.
            run("ip", "route", "replace", far, "dev", self._near, "congctl", "cubic")
            self._within("ip", "route", "replace", near, "dev", self._far, "congctl", "cubic")
        except BaseException:
            self.close()
            raise

    def join(self, port: int) -> int:
        return port

    def count(self) -> Count:
        read = Path("/sys/class/net", self._near, "statistics")
        return Count(*(int((read / name).read_text()) for name in ("tx_bytes", "rx_bytes")))

    def close(self) -> None:
        if self._process:
            end(self._process)
        # With a namespace its end of the veth pair goes, and with that the other.
        for words in (("ip", "link", "del", self._near), ("ip", "netns", "del", self._name)):
            with contextlib.suppress(subprocess.CalledProcessError):
                run(*words)

    def _veth(self, link: Link) -> None:
        run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
        for device, within in ((self._near, run), (self._far, self._within)):
            parent: tuple[str, ...] = ("root",)
            if link.delay or link.loss:
                within(
                    "tc",
                    "qdisc",
                    "add",
                    "dev",
                    device,
                    "root",
                    "handle",
                    "1:",
                    "netem",
                    "limit",
                    "100000",
                    *_netem(link),
                )
                parent = ("parent", "1:")
            if link.rate:
                rate = f"{int(link.rate * 8)}bit"
                within(
                    "tc",
                    "qdisc",
                    "add",
                    "dev",
                    device,
                    *parent,
                    "tbf",
                    "rate",
                    rate,
                    "burst",
                    "128kb",
                    "latency",
                    "50ms",
                )

    def _tun(self, link: Link) -> None:
        self._process = program("packets", self._near, self._far, link.delay, link.rate, link.loss)
        _line(self._process)
        run("ip", "link", "set", self._far, "netns", self._name)

    def _within(self, *words: str) -> None:
        run(*self.inside, *words)


def open_wire(link: Link, can: Abilities) -> Wire:
    """Return a link that stands."""
    made_by = kind(link, can)
    return RelayWire(link) if made_by == "relay" else NamespaceWire(link, made_by)


@cache
def abilities() -> Abilities:
    """Find out what this machine can do, by doing it."""
    if os.geteuid() != 0:
        return Abilities(namespaces=False, netem=False, tun=False)

    def works(link: Link, made_by: str) -> bool:
        try:
            NamespaceWire(link, made_by).close()
        except (OSError, subprocess.CalledProcessError, NotPossibleError):
            return False
        return True

    return Abilities(works(Link(rate=1e6), "veth"), works(Link(delay=0.01), "veth"), works(Link(delay=0.01), "tun"))


def program(name: str, *words: object) -> "subprocess.Popen[str]":
    """Start one of the programs beside this file."""
    command = [sys.executable, "-m", f"{HERE.name}.{name}", *map(str, words)]
    return subprocess.Popen(command, cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]") -> None:
    """End a program that lasts as long as its input."""
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise NotPossibleError(f"{process.args!r} ended")
    return line


def _netem(link: Link) -> list[str]:
    words = ["delay", f"{link.delay * 1000}ms"] if link.delay else []
    return [*words, "loss", f"{link.loss * 100}%"] if link.loss else words
