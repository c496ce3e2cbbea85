"""One live connection a host, made when first needed, remade when lost, closed in one place."""

import threading
from collections.abc import Callable, Mapping

from sshsync.errors import ConnectionLostError, HostError, TrustError
from sshsync.hosts.session import Session
from sshsync.model.policy import TransportKind
from sshsync.model.topology import Host
from sshsync.transports.base import Factory, Transport
from sshsync.transports.dialing import Dial, Way, dial

HANDSHAKES = 8
"""Greetings under way at once; sshd drops more (MaxStartups)."""


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
        self._made: list[Session] = []
        self._closed = False

    def session(self, host: Host) -> Session:
        """Return a live session; connects when there is none.

        Raises:
            HostError: it cannot be reached or does not let us in, or the pool is closed.
        """
        with self._lock:
            self._check_open(host)
            entry = self._entries.setdefault(host, _Entry())
        with entry.lock:
            if entry.session and not entry.session.alive:
                entry.session.close()
                entry.session = None
            if entry.refused:
                raise entry.refused.again()
            if entry.session is None:
                try:
                    entry.session = self._keep(host, Session(self._connect(host), host.timeout))
                except TrustError as error:
                    entry.refused = error.again()
                    raise
            return entry.session

    def way(self, host: Host) -> Dial:
        """Return how a way to the host is made: directly, or through its jump host, which is connected to for that."""

        def connect() -> Way:
            if not host.via:
                return dial(host.address, host.port)
            return self.session(self.jump(host.via)).transport.tunnel(host.address, host.port)

        return connect

    def close(self) -> None:
        """Close every connection, for good; running commands end with `ConnectionLostError`.

        A connection that is still being made is closed as soon as it is there.
        """
        with self._lock:
            self._closed = True
            made = list(self._made)
        for session in made:
            session.close()

    def _keep(self, host: Host, made: Session) -> Session:
        try:
            with self._lock:
                self._check_open(host)
                self._made = [session for session in self._made if session.alive] + [made]
        except ConnectionLostError:
            made.close()
            raise
        return made

    def _check_open(self, host: Host) -> None:
        if self._closed:
            raise ConnectionLostError("no connection is made any more: the work has ended", where=host.label)

    def _connect(self, host: Host) -> Transport:
        """Connect; over a new connection to its jump host when that host's one turns out to stand still."""
        if not host.via:
            return self._greet(host)
        jump = self.session(self.jump(host.via))
        try:
            return self._greet(host)
        except HostError:
            if jump.alive:
                raise
        self.session(self.jump(host.via))
        return self._greet(host)

    def _greet(self, host: Host) -> Transport:
        with self._greeting:
            with self._lock:
                self._check_open(host)
            return self._factories[host.transport](host, self.way(host))


class _Entry:
    """A host's session and the lock under which it is made. A refused login is never tried again."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Session | None = None
        self.refused: TrustError | None = None
