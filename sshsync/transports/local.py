"""The controller's own host: scripts run as child processes."""

import fcntl
import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from sshsync.errors import ConnectionLostError, DeadlineError, HostError
from sshsync.remote import encode
from sshsync.remote.scripts import Command
from sshsync.transports import dialing
from sshsync.transports.base import CHANNELS, PIECE
from sshsync.transports.dialing import Way


class LocalTransport:
    """Runs scripts on this machine with the given POSIX shell."""

    label = "local"
    round_trip = 0.0
    security: Mapping[str, str] = MappingProxyType({})

    def __init__(self, shell: str = "/bin/sh") -> None:
        self._shell = shell
        self._closed = False
        self._streams: set[LocalStream] = set()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(CHANNELS)

    @property
    def alive(self) -> bool:
        """True until it is closed."""
        return not self._closed

    def open(self, command: Command, idle: float, ahead: int = 0) -> "LocalStream":  # noqa: ARG002 - a pipe is short
        """Start a command; see `Transport.open`."""
        if self._closed:
            raise ConnectionLostError("closed", where=self.label)
        if not self._slots.acquire(timeout=idle):
            raise DeadlineError("no free slot for another command", where=self.label)
        try:
            program = subprocess.Popen(
                encode.argv(self._shell, command.script.text, command.variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            self._slots.release()
            raise HostError(f"cannot start {self._shell}: {error.strerror}", where=self.label) from error
        stream = LocalStream(program, idle, self)
        with self._lock:
            self._streams.add(stream)
        return stream

    def tunnel(self, address: str, port: int) -> Way:
        """Connect to another host from this one: behind a local repository that is the direct way."""
        return dialing.dial(address, port)

    def forget(self, stream: "LocalStream") -> None:
        """Take back the slot of a closed stream."""
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
                self._slots.release()

    def close(self) -> None:
        """End all running commands."""
        self._closed = True
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.close()


class LocalStream:
    """A child process; see `Stream`."""

    def __init__(self, program: "subprocess.Popen[bytes]", idle: float, owner: LocalTransport) -> None:
        self._program = program
        self._idle = idle
        self._owner = owner
        self._input_lock = threading.Lock()
        assert program.stdin  # noqa: S101 - all three are pipes
        assert program.stdout  # noqa: S101
        assert program.stderr  # noqa: S101
        self._in, self._out, self._err = program.stdin, program.stdout, program.stderr
        os.set_blocking(self._in.fileno(), False)
        for pipe in (self._in, self._out):
            # A system that grants no more than its usual 64 KiB is slower, and that is all.
            with suppress(OSError):
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIECE)

    def read(self, size: int) -> bytes:
        """Return output; see `Stream`."""
        return self._read(self._out.fileno(), size)

    def read_errors(self, size: int) -> bytes:
        """Return error output; it may stay silent as long as the command runs."""
        try:
            return os.read(self._err.fileno(), size)
        except (OSError, ValueError):
            return b""

    def write(self, data: bytes) -> None:
        """Send input; see `Stream`."""
        view = memoryview(data)
        while view:
            with self._input_lock:
                try:
                    self._wait(self._in.fileno(), select.POLLOUT)
                    view = view[os.write(self._in.fileno(), view) :]
                except BlockingIOError:
                    continue
                except (OSError, ValueError) as error:
                    raise ConnectionLostError("the command reads no more", where="local") from error

    def close_input(self) -> None:
        """End the input."""
        with self._input_lock, suppress(OSError):
            self._in.close()

    def exit_status(self) -> int | None:
        """Return the command's status, None when a signal ended it."""
        try:
            status = self._program.wait(2)
        except subprocess.TimeoutExpired:
            return None
        return status if status >= 0 else None

    def close(self) -> None:
        """Kill the command's process group when it still runs, and release the pipes."""
        if self._program.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._program.pid, signal.SIGKILL)
        self._program.wait()
        self.close_input()
        self._owner.forget(self)

    def _read(self, descriptor: int, size: int) -> bytes:
        try:
            self._wait(descriptor, select.POLLIN)
            # No pipe holds more, and room for it is made before each read.
            return os.read(descriptor, min(size, PIECE))
        except (OSError, ValueError) as error:
            raise ConnectionLostError("the command is gone", where="local") from error

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(self._idle * 1000):
            raise DeadlineError(f"nothing moved for {self._idle:.0f} s", where="local")
