"""A host in memory, with faults to order: for tests of whatever is built on sshsync.

It is no mock: it answers the same scripts as a real host, by name, and passes the same contract suite. It knows
files, directories and symbolic links, a disk that may be full, and tools that may be missing; no operator's templates,
no rights, no other file system than its one.
"""

import io
import threading
import weakref
from collections.abc import Mapping

from sshsync.errors import ConnectError, ConnectionLostError, HostError
from sshsync.remote.scripts import Command
from sshsync.transports.dialing import Way
from sshsync.transports.memory_host import Fault, File, MemoryHost, Tools
from sshsync.transports.memory_scripts import Scripts, postponed

__all__ = ["Fault", "File", "MemoryHost", "MemoryTransport", "Tools"]


class MemoryTransport:
    """A connection to a `MemoryHost`; see `Transport`."""

    def __init__(self, host: MemoryHost) -> None:
        self.host = host
        self.label = host.name
        self.security: Mapping[str, str] = {}
        self.round_trip = host.round_trip
        self._alive = True
        self._streams: weakref.WeakSet[MemoryStream] = weakref.WeakSet()

    @property
    def alive(self) -> bool:
        """False once the connection was lost or closed."""
        return self._alive

    def open(self, command: Command, idle: float, ahead: int = 0) -> "MemoryStream":  # noqa: ARG002 - nothing is far
        """Start a command; see `Transport.open`."""
        if not self._alive:
            raise ConnectionLostError("closed", where=self.label)
        with self.host.lock:
            fault = self.host.fault(command.script.name)
        if fault and fault.kind == "refuse":
            self.close()
            fault.then()
            raise ConnectError("cannot connect", where=self.label)
        stream = self.stream(command, idle, fault)
        with self.host.lock:
            self._streams.add(stream)
        if not self.alive:
            # Whoever lost the connection meanwhile did not see it.
            stream.cut()
        return stream

    def stream(self, command: Command, idle: float, fault: Fault | None) -> "MemoryStream":
        """Return the stream of a command, for whoever wants another one."""
        return MemoryStream(self, command, idle, fault)

    def tunnel(self, address: str, port: int) -> Way:
        """Refuse: a host in memory leads nowhere."""
        raise HostError(f"leads nowhere, not to {address}:{port}", where=self.label)

    def close(self) -> None:
        """Close the connection; what waits for input gets none any more."""
        self._alive = False
        with self.host.lock:
            streams = list(self._streams)
        for stream in streams:
            stream.cut()


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
        self._cut = False

    def cut(self) -> None:
        """Lose the connection: a command whose input has not ended never runs."""
        if not self._ended.is_set():
            self._cut = True
            self._ended.set()

    def read(self, size: int) -> bytes:
        """Return output; see `Stream`."""
        if self._output is None:
            self._ended.wait(self._idle)
            if self._cut:
                self._ran.set()
                raise ConnectionLostError("the connection broke", where=self._owner.label)
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
        if self._fault and self._fault.kind == "short" and len(self._input) >= self._fault.after:
            self._break()

    def _break(self) -> None:
        """Lose the connection in the middle of the input: the command ends with what has come of it."""
        owner, fault = self._owner, self._fault
        taken = bytes(self._input[: fault.after if fault else None])
        with owner.host.lock:
            Scripts(owner.host, self._command.variables, taken).run(self._command.script.name)
        self._ended.set()
        self._output, self._lost = io.BytesIO(), True
        self._ran.set()
        owner.close()
        raise ConnectionLostError("the connection broke", where=owner.label)

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
        if fault and fault.kind in ("late", "torn", "open"):
            self._lost = True
            host = self._owner.host
            with host.lock:
                host.late.append(postponed(host, self._command, stdin, fault.kind))
            return b""
        if fault and fault.kind == "answer":
            self._errors = fault.words
            return _framed(token, fault.after, fault.payload.replace(b"TOKEN", token))
        with self._owner.host.lock:
            running = Scripts(self._owner.host, self._command.variables, stdin)
            status, payload, self._errors = running.run(self._command.script.name)
        if fault and fault.kind == "flip" and payload:
            payload = bytes([payload[0] ^ 1]) + payload[1:]
        if fault and fault.kind == "fail":
            status, payload, self._errors = 1, b"", fault.words
        answer = _framed(token, status, payload)
        if fault:
            fault.then()
            if fault.kind in ("cut", "lose"):
                self._lost = fault.kind == "lose"
                return answer[: fault.after]
        return answer


def _framed(token: bytes, status: int, payload: bytes) -> bytes:
    return token + b" begin\n" + payload + b"\n%s end %d\n" % (token, status)
