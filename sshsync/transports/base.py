"""The seam: what every transport offers, and the deadlines that every wait keeps."""

from collections.abc import Callable, Mapping
from typing import Protocol

from sshsync.model.topology import Host
from sshsync.remote.scripts import Command
from sshsync.transports.dialing import Dial, Way

PIECE = 1 << 18
"""Bytes written to a host in one go. Larger pieces stall in the SSH layer, smaller ones cost time."""

SLOWEST = 100
"""Bytes a second that the slowest line which still lives brings or takes: one thin link that many nodes share."""

REOPENED = 3
"""Times that a channel is opened again at once which ended before its command had begun."""

CHANNELS = 8
"""Commands that run at once over one connection; OpenSSH's default limit is 10."""


class Stream(Protocol):
    """A running command: its input, its output and its error output.

    Every call either makes progress within the idle time that `Transport.open` was given or raises a
    `HostError`; all of a `write` takes at most `len(data) / SLOWEST` seconds more. `read` and `read_errors` return
    b"" at the end. `close` abandons the command, may be called from any thread and more than once.
    """

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of output."""
        ...

    def read_errors(self, size: int) -> bytes:
        """Return up to `size` bytes of error output."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data` to the command's input."""
        ...

    def close_input(self) -> None:
        """End the command's input."""
        ...

    def exit_status(self) -> int | None:
        """Return the status with which the command ended by itself; None when that is not known."""
        ...

    def close(self) -> None:
        """Release everything; the command is abandoned when it still runs."""
        ...


class Transport(Protocol):
    """A live way to run commands on one host. Safe to use from several threads."""

    @property
    def label(self) -> str:
        """The host as messages name it."""
        ...

    @property
    def security(self) -> Mapping[str, str]:
        """The algorithms that the connection agreed on; empty where there are none."""
        ...

    @property
    def alive(self) -> bool:
        """False once the connection is lost or closed."""
        ...

    @property
    def round_trip(self) -> float:
        """Seconds that a question and its answer take at the least, as far as it was seen; 0.0 where nothing is far."""
        ...

    def open(self, command: Command, idle: float, ahead: int = 0) -> Stream:
        """Start a command.

        Args:
            command: script and variables.
            idle: seconds without progress after which the stream's calls raise `DeadlineError`. A transport that
                can lose its connection in silence tests it meanwhile, and raises `ConnectionLostError` instead.
            ahead: bytes of output that may come before they are read, where the transport can tell the host so; 0 for
                as many as are good for speed.

        Raises:
            HostError: the command could not be started.
        """
        ...

    def tunnel(self, address: str, port: int) -> Way:
        """Return a way from this host to another one, as seen from this one.

        Raises:
            ConnectError: this host could not or would not reach it.
            ConnectionLostError: the connection to this host is lost.
            HostError: a host that is reached in this manner leads nowhere.
        """
        ...

    def close(self) -> None:
        """Close the connection; running streams end with `ConnectionLostError`, and tunnels are cut."""
        ...


Factory = Callable[[Host, Dial], Transport]
"""Connects to a host, over the way that is handed in where the transport needs one."""
