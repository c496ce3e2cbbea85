"""One live connection a host, made when first needed, remade when lost, closed in one place."""

import threading
from collections.abc import Callable, Mapping

from sshsync.errors import TrustError
from sshsync.model.policy import TransportKind
from sshsync.model.topology import Host
from sshsync.transports.base import Transport
from sshsync.transports.session import Session

HANDSHAKES = 8
"""Greetings under way at once; sshd drops more (MaxStartups)."""

Factory = Callable[[Host, "Pool"], Transport]


class Pool:
    """The sessions of one run."""

    def __init__(self, factories: Mapping[TransportKind, Factory], jump: Callable[[str], Host]) -> None:
        """Make an empty pool.

        Args:
            factories: how to connect, by transport.
            jump: gives the host of the repository that a `via` names.
        """
        self._factories = factories
        self.jump = jump
        self._entries: dict[Host, _Entry] = {}
        self._lock = threading.Lock()
        self._greeting = threading.BoundedSemaphore(HANDSHAKES)
        self._closed = False

    def session(self, host: Host) -> Session:
        """Return a live session; connects when there is none.

        Raises:
            HostError: it cannot be reached or does not let us in.
        """
        with self._lock:
            entry = self._entries.setdefault(host, _Entry())
        with entry.lock:
            if entry.session and not entry.session.alive:
                entry.session.close()
                entry.session = None
            if entry.refused:
                raise entry.refused.again()
            if entry.session is None:
                try:
                    entry.session = Session(self._connect(host), host.timeout)
                except TrustError as error:
                    entry.refused = error.again()
                    raise
            return entry.session

    def transport(self, host: Host) -> Transport:
        """Return the transport under a live session, for tunnels."""
        return self.session(host).transport

    def close(self) -> None:
        """Close every connection; running commands end with `ConnectionLostError`."""
        with self._lock:
            entries = list(self._entries.values())
        for entry in entries:
            if entry.session:
                entry.session.close()

    def _connect(self, host: Host) -> Transport:
        if host.via:
            self.session(self.jump(host.via))
        with self._greeting:
            return self._factories[host.transport](host, self)


class _Entry:
    """A host's session and the lock under which it is made. A refused login is never tried again."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Session | None = None
        self.refused: TrustError | None = None
