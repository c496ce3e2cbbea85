"""Ways to a host: a socket of our own, or a tunnel through another host."""

import socket
import time
from collections.abc import Callable
from typing import Protocol

from sshsync.errors import ConnectError, HostError
from sshsync.transports import known_hosts

WITHIN = 20.0
"""Seconds in which one of a host's addresses has to answer."""

_ADDRESS_WAIT = 10.0


class Way(Protocol):
    """Bytes to and from a host: what a socket and a channel of a jump host have in common."""

    def send(self, data: bytes, /) -> int:
        """Send some of the bytes, and return how many."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Return up to so many bytes, b"" at the end."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """Set after how many seconds the other calls give up."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


Dial = Callable[[], Way]
"""Makes a way to a host, anew with every call; raises a `HostError` when there is none."""


def dial(address: str, port: int, within: float = WITHIN) -> socket.socket:
    """Connect to the first address that answers.

    Args:
        address: name or number of the host.
        port: where it listens.
        within: seconds for all addresses together.

    Raises:
        ConnectError: none did; the words name each attempt.
    """
    label = known_hosts.name_of(address, port)
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        permanent = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        kind = HostError if permanent else ConnectError
        raise kind(f"its address is not known: {error.strerror}", where=label, hint="check host") from error
    until = time.monotonic() + within
    attempts = []
    for family, kind_, protocol, _, place in found:
        made = socket.socket(family, kind_, protocol)
        try:
            made.settimeout(max(0.5, min(_ADDRESS_WAIT, until - time.monotonic())))
            made.connect(place)
            _tune(made)
        except OSError as error:
            made.close()
            attempts.append(f"{place[0]}: {error.strerror or 'no answer in time'}")
            continue
        return made
    hint = "check host and port, and that its sshd runs"
    raise ConnectError(f"cannot connect ({'; '.join(attempts)})", where=label, hint=hint)


def _tune(made: socket.socket) -> None:
    """Let the kernel find dead links: keepalive alone never does while data is in flight."""
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 30000)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
