"""A host in memory, with faults to order: for tests of whatever is built on sshsync.

It is no mock: it answers the same scripts as a real host, by name, and passes the same contract suite. It knows
regular files only and no operator's templates.
"""

import calendar
import hashlib
import io
import re
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sshsync.errors import ConnectError, ConnectionLostError
from sshsync.remote.scripts import STAGING, Command

_OCTAL = re.compile(rb"\\0([0-7]{3})")
_OWN = STAGING.encode() + b"/"


@dataclass(slots=True)
class File:
    """A file's bytes and what stat tells of it."""

    data: bytes
    mode: int = 0o644
    mtime: int = 0
    ctime_ns: int = 0
    inode: int = 0


@dataclass(slots=True)
class Fault:
    """Something that goes wrong at the `nth` start (from 1) of the script `script` ("" for any).

    Attributes:
        kind: ``refuse`` (no connection), ``lose`` (the connection breaks after `after` bytes of output), ``cut``
            (the output just ends there), ``flip`` (one bit of the payload is wrong), ``fail`` (the script fails),
            ``none``.
        words: what the host says on its error output.
        first, then: called before and after the script does its work.
    """

    kind: str
    script: str = ""
    nth: int = 1
    after: int = 0
    words: bytes = b""
    first: Callable[[], None] = lambda: None
    then: Callable[[], None] = lambda: None


@dataclass
class MemoryHost:
    """A host: files by absolute path, directories that exist, the faults to come."""

    name: str = "memory"
    files: dict[bytes, File] = field(default_factory=dict)
    roots: set[bytes] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    started: list[str] = field(default_factory=list)
    sent: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, path: bytes, data: bytes, *, mode: int = 0o644, mtime: int = 1_600_000_000) -> None:
        """Write a file as a vendor would."""
        self.files[path] = File(data, mode, mtime, self.tick(), len(self.started) + len(self.files) + 1)

    def tick(self) -> int:
        """Return a change time that never repeats."""
        self.sent += 1
        return 1_600_000_000_000_000_000 + self.sent

    def below(self, root: bytes) -> dict[bytes, bytes]:
        """Return what a reader of the root sees: contents by relative path, staging left out."""
        prefix = root + b"/"
        found = {path[len(prefix) :]: file.data for path, file in self.files.items() if path.startswith(prefix)}
        return {key: data for key, data in found.items() if not key.startswith(_OWN)}

    def fault(self, script: str) -> Fault | None:
        """Return the fault that strikes at this start of the script."""
        self.started.append(script)
        for fault in self.faults:
            if fault.script in ("", script):
                fault.nth -= 1
                if fault.nth == 0:
                    return fault
        return None


class MemoryTransport:
    """A connection to a `MemoryHost`; see `Transport`."""

    def __init__(self, host: MemoryHost) -> None:
        self.host = host
        self.label = host.name
        self.security: Mapping[str, str] = {}
        self._alive = True

    @property
    def alive(self) -> bool:
        """False once the connection was lost or closed."""
        return self._alive

    def open(self, command: Command, idle: float) -> "MemoryStream":
        """Start a command; see `Transport.open`."""
        if not self._alive:
            raise ConnectionLostError("closed", where=self.label)
        with self.host.lock:
            fault = self.host.fault(command.script.name)
        if fault and fault.kind == "refuse":
            self.close()
            fault.then()
            raise ConnectError("cannot connect", where=self.label)
        return MemoryStream(self, command, idle, fault)

    def close(self) -> None:
        """Close the connection."""
        self._alive = False


class MemoryStream:
    """A command on a `MemoryHost`: it runs when its input has ended; see `Stream`."""

    def __init__(self, owner: MemoryTransport, command: Command, idle: float, fault: Fault | None) -> None:
        self._owner = owner
        self._command = command
        self._idle = idle
        self._fault = fault
        self._input = bytearray()
        self._ended = threading.Event()
        self._ran = threading.Event()
        self._output: io.BytesIO | None = None
        self._errors = b""
        self._lost = False

    def read(self, size: int) -> bytes:
        """Return output; see `Stream`."""
        if self._output is None:
            self._ended.wait(self._idle)
            try:
                self._output = io.BytesIO(self._run())
            finally:
                self._ran.set()
        piece = self._output.read(size)
        if not piece and self._lost:
            self._owner.close()
            raise ConnectionLostError("the connection broke", where=self._owner.label)
        return piece

    def read_errors(self, size: int) -> bytes:
        """Return error output; see `Stream`."""
        self._ran.wait(self._idle)
        piece, self._errors = self._errors[:size], self._errors[size:]
        return piece

    def write(self, data: bytes) -> None:
        """Take input; see `Stream`."""
        if self._ended.is_set() or not self._owner.alive:
            raise ConnectionLostError("the command reads no more", where=self._owner.label)
        self._input += data

    def close_input(self) -> None:
        """End the input: the command runs."""
        self._ended.set()

    def exit_status(self) -> int | None:
        """Return nothing: an answer in memory that has no end was cut."""
        return None

    def close(self) -> None:
        """Abandon the command."""
        self._ended.set()
        self._ran.set()

    def _run(self) -> bytes:
        token = self._command.variables["TOKEN"]
        fault, stdin = self._fault, bytes(self._input)
        if fault:
            fault.first()
        with self._owner.host.lock:
            status, payload = Scripts(self._owner.host, self._command.variables, stdin).run(self._command.script.name)
        if fault and fault.kind == "flip" and payload:
            payload = bytes([payload[0] ^ 1]) + payload[1:]
        if fault and fault.kind == "fail":
            status, payload, self._errors = 1, b"", fault.words
        answer = token + b" begin\n" + payload + b"\n%s end %d\n" % (token, status)
        if fault:
            fault.then()
            if fault.kind in ("cut", "lose"):
                self._lost = fault.kind == "lose"
                return answer[: fault.after]
        return answer


class Scripts:
    """What each script does on a host in memory; the methods carry the scripts' names."""

    def __init__(self, host: MemoryHost, variables: dict[str, bytes], stdin: bytes) -> None:
        self._host = host
        self._vars = variables
        self._stdin = stdin
        self._root = variables.get("ROOT", b"").rstrip(b"/")
        self._token = variables["TOKEN"]

    def run(self, name: str) -> tuple[int, bytes]:
        """Return the script's status and payload."""
        method: Callable[[], tuple[int, bytes]] = getattr(self, name.replace("-", "_"))
        return method()

    def probe(self) -> tuple[int, bytes]:
        """Answer as a Linux host with every tool."""
        tools = ("find", "tar", "mv", "rm", "mkdir", "rmdir", "chmod", "touch", "cat")
        lines = ["stat=gnu", "sync=sync -f", f"now={int(self._host.clock())}"]
        lines += [f"{name}={name}sum" for name in ("md5", "sha1", "sha256", "sha512")]
        return 0, "\n".join([*lines, *(f"tool={tool}" for tool in tools)]).encode() + b"\n"

    def root(self) -> tuple[int, bytes]:
        """Find or make the root."""
        if self._root not in self._host.roots:
            if self._vars["MAKE"] != b"yes":
                return 44, b""
            self._host.roots.add(self._root)
        return 0, self._root + b"\n"

    def list(self) -> tuple[int, bytes]:
        """List all files below a directory."""
        return 0, b"".join(self._record(key) for key in self._keys())

    def stat(self) -> tuple[int, bytes]:
        """Stat the named files."""
        names = list(self._names())
        return int(any(self._path(n) not in self._host.files for n in names)), b"".join(map(self._record, names))

    def digest(self) -> tuple[int, bytes]:
        """Digest the named files."""
        lines = [b"%s  ./%s\n" % (self._hash(name), name) for name in self._names() if self._file(name)]
        return 0, b"".join(lines)

    def digest_odd(self) -> tuple[int, bytes]:
        """Digest files with line feeds in their names."""
        return 0, b"".join(b"%s %s  -\n" % (self._token, self._hash(name)) for name in self._names())

    def read(self) -> tuple[int, bytes]:
        """Print the named files."""
        files = [self._file(name) for name in self._names()]
        return int(None in files), b"".join(file.data for file in files if file)

    def unpack(self) -> tuple[int, bytes]:
        """Unpack a tar archive into a batch."""
        with tarfile.open(fileobj=io.BytesIO(self._stdin), encoding="utf-8", errors="surrogateescape") as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                key = entry.name.encode("utf-8", "surrogateescape").removeprefix(b"./")
                if content:
                    self._host.put(self._batch() + key, content.read(), mode=entry.mode, mtime=int(entry.mtime))
        return 0, b""

    def store(self) -> tuple[int, bytes]:
        """Write one file into staging."""
        self._host.put(self._root + b"/.sshsync/part/" + self._vars["PART"], self._stdin)
        return 0, b""

    def mark(self) -> tuple[int, bytes]:
        """Set mode and time."""
        failed = []
        for number, line in enumerate(self._stdin.splitlines()):
            mode, stamp, name = line.split(b" ", 2)
            file = self._file(_decoded(name))
            if file is None or not stamp[:-3].isdigit():
                failed.append(b"failed %d\n" % number)
                continue
            parts = time.strptime(stamp.decode() + " UTC", "%Y%m%d%H%M.%S %Z")
            file.mode, file.mtime, file.ctime_ns = int(mode, 8), _seconds(parts), self._host.tick()
        return int(bool(failed)), b"".join(failed)

    def publish(self) -> tuple[int, bytes]:
        """Move a batch into place."""
        batch, files = self._batch(), self._host.files
        if self._vars["PART"]:
            part = files.pop(self._root + b"/.sshsync/part/" + self._vars["PART"], None)
            if part:
                files[batch + self._vars["PARTNAME"]] = part
        failed = []
        for number, key in enumerate(self._grouped()):
            staged = files.pop(batch + key, None)
            if staged:
                files[self._root + b"/" + key] = staged
            elif self._root + b"/" + key not in files:
                failed.append(b"failed %d\n" % number)
        if not failed:
            self._remove(batch.rstrip(b"/"))
        return int(bool(failed)), b"".join(failed)

    def delete(self) -> tuple[int, bytes]:
        """Delete files."""
        for key in self._grouped():
            self._host.files.pop(self._root + b"/" + key, None)
        return 0, b""

    def room(self) -> tuple[int, bytes]:
        """Tell nothing of space; names that differ in case only are different files."""
        return 0, b""

    def staged(self) -> tuple[int, bytes]:
        """Name what lies in staging."""
        prefix = self._root + b"/.sshsync/"
        names = {b"/".join(p[len(prefix) :].split(b"/")[:2]) for p in self._host.files if p.startswith(prefix)}
        return 0, b"".join(name + b"\n" for name in sorted(names))

    def discard(self) -> tuple[int, bytes]:
        """Remove things from staging."""
        for name in self._names():
            self._remove(self._root + b"/.sshsync/" + name)
        return 0, b""

    def _remove(self, gone: bytes) -> None:
        for path in [p for p in self._host.files if p == gone or p.startswith(gone + b"/")]:
            del self._host.files[path]

    def _batch(self) -> bytes:
        return self._root + b"/.sshsync/batch/" + self._vars["BATCH"] + b"/"

    def _below(self) -> bytes:
        below = self._vars.get("BELOW", b".")
        return self._root + b"/" if below == b"." else self._root + b"/" + below + b"/"

    def _path(self, key: bytes) -> bytes:
        return self._below() + key

    def _file(self, key: bytes) -> File | None:
        return self._host.files.get(self._path(key))

    def _keys(self) -> Iterator[bytes]:
        prefix = self._below()
        for path in sorted(self._host.files):
            key = path[len(prefix) :]
            if path.startswith(prefix) and not key.startswith(_OWN):
                yield key

    def _names(self) -> Iterator[bytes]:
        return (_decoded(line) for line in self._stdin.split(b"\n") if line)

    def _grouped(self) -> Iterator[bytes]:
        directory = b""
        for line in self._names():
            if line[:1] == b"G":
                directory = b"" if line == b"G." else line[1:] + b"/"
            else:
                yield directory + line[1:]

    def _record(self, key: bytes) -> bytes:
        file = self._file(key)
        if file is None:
            return b""
        values = (0o100000 | file.mode, len(file.data), file.mtime, file.ctime_ns, file.inode)
        mode, size, mtime, ctime, inode = values
        times = b"%d.000000000 %d.%09d" % (mtime, ctime // 10**9, ctime % 10**9)
        return b"%s %x %d %s %d ./%s\n" % (self._token, mode, size, times, inode, key)

    def _hash(self, key: bytes) -> bytes:
        file = self._file(key)
        tool = self._vars["TOOL"].decode().removesuffix("sum")
        return hashlib.new(tool, file.data).hexdigest().encode() if file else b""


def _decoded(name: bytes) -> bytes:
    return _OCTAL.sub(lambda found: bytes([int(found.group(1), 8)]), name)


def _seconds(parts: time.struct_time) -> int:
    return calendar.timegm(parts)
