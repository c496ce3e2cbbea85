"""The scripts about parts of big files, on a host in memory: ranges and chunks are read, ranges are written."""

from collections.abc import Callable

from sshsync.remote.scripts import OPEN
from sshsync.transports.memory_host import MemoryHost
from sshsync.transports.memory_looks import Looks

BLOCK = 65536
MARK = OPEN.encode() + b"."


class Parts(Looks):
    """What serves one big file at a time."""

    def store(self) -> None:
        """Write a range of one file in staging."""
        part, mark = self.receive()
        try:
            self.write(part, self._stdin)
        finally:
            self._host.unlink(mark)

    @property
    def came(self) -> bytes:
        """What there is to write."""
        return self._stdin

    @property
    def offset(self) -> int:
        """Where it writes."""
        return int(self._vars["BLOCKS"]) * BLOCK + int(self._vars["REST"])

    def receive(self) -> tuple[bytes, bytes]:
        """Begin to write a part; return it, and the mark that somebody writes there."""
        self._ours()
        self._tool("cat")
        self._inflate()
        part = self._own + b"/part/" + self._vars["PART"]
        mark = part + MARK + self._vars["WRITER"]
        self._host.make(self._own + b"/part")
        self._write(mark, b"")
        return part, mark

    def write(self, part: bytes, data: bytes) -> None:
        """Write what has come."""
        if self._damaged and not data and self._host.exists(part):
            return
        self._host.write_at(part, self.offset, data, mode=0o600, mtime=int(self._host.clock()))

    def carry_on(self) -> None:
        """Go on with a part under another name, with a copy of it where somebody may still write."""
        self._ours()
        self._held()
        host, parts = self._host, self._own + b"/part/"
        if not host.is_directory(self._own + b"/part"):
            return
        origin, target = parts + self._vars["FROM"], parts + self._vars["TO"]
        mark = target + MARK + b"go"
        if host.exists(origin) and not host.is_link(origin):
            self._write(mark, b"")
            host.move(origin, target)
        if not host.exists(target):
            return
        if host.exists(mark):
            self._settle(origin, target, mark)
        self._record(parts.rstrip(b"/"), self._vars["TO"])

    def _settle(self, origin: bytes, target: bytes, mark: bytes) -> None:
        host = self._host
        written = [name for name in host.files if name.startswith(origin + MARK)]
        if written:
            host.copy(target, target + MARK + b"new")
            host.move(target + MARK + b"new", target)
        for name in [*written, mark]:
            host.unlink(name)


def half_written(host: MemoryHost, scripts: Parts, kind: str) -> Callable[[], None]:
    """Have a part written by a program that lost its connection; return what is left of it to do.

    Args:
        host: where it runs.
        scripts: the program, with what it was to write.
        kind: ``torn`` when it has written half of that; else all.
    """
    part, mark = scripts.receive()
    stdin, offset = scripts.came, scripts.offset
    scripts.write(part, stdin[: len(stdin) // 2] if kind == "torn" else stdin)
    file = host.file(part)

    def rest() -> None:
        file.data = file.data[:offset] + stdin + b" and more, late"
        if host.exists(mark):
            host.unlink(mark)

    return rest
