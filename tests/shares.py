"""One parent and its children in memory, connections that bring their bytes in small pieces, and who counts them."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from sshsync.hosts.session import Session
from sshsync.model.change import Copy
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends
from sshsync.transfers.load import Load, Span
from sshsync.transfers.reads import Reads
from sshsync.transports.memory import Fault, MemoryHost, MemoryTransport
from sshsync.transports.memory import MemoryStream as Whole
from tests.conftest import configure

READING = ("read", "ranges")


class Trickling(Whole):
    """A command whose output comes in small pieces, and is counted where it is bytes of files."""

    def __init__(self, owner: "Trickle", command: Command, idle: float, fault: Fault | None) -> None:
        super().__init__(owner, command, idle, fault)
        self._piece = owner.piece
        self._told = owner.told if command.script.name in READING else lambda _count: None

    def read(self, size: int) -> bytes:
        found = super().read(min(size, self._piece))
        self._told(len(found))
        return found


class Held(Whole):
    """A command that takes no input until it may."""

    def __init__(self, owner: "Holding", command: Command, idle: float, fault: Fault | None) -> None:
        super().__init__(owner, command, idle, fault)
        self._owner_of_it = owner

    def write(self, data: bytes) -> None:
        self._owner_of_it.holds.set()
        assert self._owner_of_it.go.wait(60), "nobody let it go"
        super().write(data)


class Trickle(MemoryTransport):
    """A connection that brings little at a time."""

    def __init__(self, host: MemoryHost, piece: int) -> None:
        super().__init__(host)
        self.piece = piece
        self.sent = 0
        self._counting = threading.Lock()

    def told(self, count: int) -> None:
        with self._counting:
            self.sent += count

    def stream(self, command: Command, idle: float, fault: Fault | None) -> Whole:
        return Trickling(self, command, idle, fault)


class Holding(MemoryTransport):
    """A connection over which nothing is written until it may go; it tells when somebody waits for that."""

    def __init__(self, host: MemoryHost) -> None:
        super().__init__(host)
        self.holds, self.go = threading.Event(), threading.Event()

    def stream(self, command: Command, idle: float, fault: Fault | None) -> Whole:
        if command.script.name in ("store", "unpack"):
            return Held(self, command, idle, fault)
        return super().stream(command, idle, fault)


class Family:
    """A parent with files, and children of it.

    Attributes:
        line: the connection to the parent.
        moved, shared: by child, the bytes that moved, and those of them that were read for another one.
    """

    def __init__(self, directory: Path, files: Mapping[bytes, bytes], children: int, piece: int = 1 << 16) -> None:
        names = [f"c{number}" for number in range(children)]
        sections = "".join(f"[{name}]\nhost = {name}\npath = /{name}\nparent = m\n" for name in names)
        self._found = configure(f"[m]\nhost = m\npath = /m\n{sections}", directory).tree.repositories
        self.files = dict(files)
        self.parent = MemoryHost("m")
        self.parent.make(b"/m")
        for key, data in files.items():
            self.parent.put(b"/m/" + key, data)
        self.line = Trickle(self.parent, piece)
        self.source = Session(self.line, 30)
        self.hosts = {name: MemoryHost(name) for name in names}
        for name, host in self.hosts.items():
            host.make(b"/" + name.encode())
        self.targets = {name: Session(MemoryTransport(host), 30) for name, host in self.hosts.items()}
        self.moved = dict.fromkeys(names, 0)
        self.shared = dict.fromkeys(names, 0)

    def ends(self, name: str, check: Callable[[], None] = lambda: None, **more: object) -> Ends:
        def count(kept: dict[str, int]) -> Callable[[int], None]:
            def add(bytes_: int) -> None:
                kept[name] += bytes_

            return add

        given = {"moved": count(self.moved), "shared": count(self.shared), **more}
        own = b"/" + name.encode()
        return Ends(
            self._found["m"], self._found[name], self.source, self.targets[name], b"/m", own, check=check, **given  # type: ignore[arg-type]
        )

    def load(self, form: type[Load], name: str, *keys: bytes, attempt: str = "") -> Load:
        """Return files as they are staged for a child, under a name of its own."""
        items = [Item(key, "sha256:" + key.hex().zfill(4), Stamp(len(self.files[key]), 10**18, 0, 0)) for key in keys]
        return form(tuple(Copy(item) for item in items)).at(attempt or f"{name}{os.urandom(4).hex()}")

    def staged(self, name: str, load: Load) -> dict[bytes, bytes]:
        """Return the files of a load that lie in a child's staging."""
        place = b"/%s/.sshsync/%s" % (name.encode(), load.place.encode())
        files = self.hosts[name].files
        if place in files:
            return {load.changes[0].key: files[place].data}
        return {path[len(place) + 1 :]: file.data for path, file in files.items() if path.startswith(place + b"/")}

    def reads(self, *kept: int, alone: bool = False) -> Reads:
        """Return what reads for all children; `alone`: for the first one only."""
        made = Reads(*kept)
        for name in list(self.hosts)[: 1 if alone else None]:
            made.expect("m", name)
        return made

    @property
    def commands(self) -> int:
        """How many commands read the parent's files."""
        return sum(self.parent.started.count(name) for name in READING)


def whole(load: Load) -> list[Span]:
    return list(load.spans)
