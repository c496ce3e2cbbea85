"""Live connections: one a host and lane, made when first needed, given back when idle, remade when lost, closed in one
place."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from sshsync.errors import ConnectionLostError, HostError, SshsyncError, TrustError
from sshsync.hosts.session import Session
from sshsync.model.topology import Host
from sshsync.remote.probe import Capabilities
from sshsync.transports.base import Factory, Transport
from sshsync.transports.dialing import Dial, Way, dial

HANDSHAKES = 8
"""Greetings under way at once; sshd drops more (MaxStartups)."""

IDLE = 64
"""Connections over which nothing runs that are kept. Each is a socket and some threads here, and a process there."""

LINGER = 5.0
"""Seconds after its last use in which no connection is given back: whoever has it is likely to use it again."""

LOOKS = 0.25
"""Seconds between two looks for connections to give back."""


class Pool:
    """The sessions with all hosts. Safe to use from several threads.

    More than so many idle connections do not stay open: the least recently used are closed, and their sessions rest.
    Never closed is one over which a command runs, through which another host's connection leads, or that was used just
    now. A session that rests connects anew by itself, so nobody's work fails for it. Whether there are such is looked
    at a few times a second at most, so thousands of hosts in use cost no look at all of them for each command.
    """

    def __init__(
        self,
        factories: Mapping[str, Factory],
        *,
        most_idle: int = IDLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty pool.

        Args:
            factories: how to connect, by transport.
            most_idle: idle connections that stay open.
            clock: seconds that never jump.
        """
        self._factories = factories
        self._most_idle = most_idle
        self._clock = clock
        self._entries: dict[_Lane, _Entry] = {}
        self._lock = threading.Lock()
        self._greeting = threading.BoundedSemaphore(HANDSHAKES)
        self._live: dict[_Lane, Transport] = {}
        self._reaching: set[_Lane] = set()
        self._narrow: set[Host] = set()
        self._closed = False
        self._look_at = -math.inf

    def session(self, host: Host) -> Session:
        """Return a live session over the first lane to a host; connects when there is none.

        Raises:
            TrustError: the host or the login was refused, now or earlier; that is not tried again.
            HostError: it cannot be reached, or the pool is closed.
        """
        return self._session(_Lane(host, 0))

    def lane(self, host: Host, number: int) -> Session:
        """Return a live session over one of several connections to a host, for bytes that one connection holds up.

        A lane leads through the same lane of the jump host. One that cannot be had is no error, and nobody asks for
        any other one before `forget`: the first lane serves then, which has to be there.

        Args:
            number: of the lane; 0 is the first one.

        Raises:
            HostError: the first lane is needed and cannot be had.
        """
        first = self.session(host)
        if number and host not in self._narrow:
            try:
                return self._session(_Lane(host, number), first.known)
            except HostError:
                self._narrow.add(host)
        return first

    def _session(self, lane: "_Lane", known: Capabilities | None = None) -> Session:
        with self._lock:
            self._check_open(lane.host)
            entry = self._entries.setdefault(lane, _Entry())
        with entry.lock:
            if entry.session and not entry.answers():
                known = entry.session.known
                entry.session.close()
                entry.session = None
            if entry.refused:
                raise entry.refused.again()
            if entry.session is None:
                made = self._reach(lane, entry)
                again = partial(self._reach, lane, entry)
                entry.session = Session(made, lane.host.timeout, again=again, capabilities=known, clock=self._clock)
            found = entry.session
            with found.connected():
                pass  # it may have rested
        self._give_back()
        return found

    def way(self, host: Host) -> Dial:
        """Return how a way to the host is made: directly, or through its jump host, which is connected to for that."""
        return self._way(_Lane(host, 0))

    def forget(self) -> None:
        """Forget what may have changed since: refusals, and what hosts can do, their clocks among it.

        For whoever keeps a pool from one look at the hosts to the next: a key that was mended is accepted then, and
        a connection that died in silence meanwhile is found out before anybody's work fails for it. Waits for no host.
        """
        with self._lock:
            entries = list(self._entries.values())
            self._narrow.clear()
        for entry in entries:
            entry.refused = None
            entry.proven = False
            if entry.session:
                entry.session.forget()

    def close(self) -> None:
        """Close every connection, for good; running commands end with `ConnectionLostError`.

        A connection that is still being made is closed as soon as it is there.
        """
        with self._lock:
            self._closed = True
            sessions = [entry.session for entry in self._entries.values() if entry.session]
            live = list(self._live.values())
        for transport in live:
            transport.close()
        for session in sessions:
            session.close()

    def _way(self, lane: "_Lane") -> Dial:
        host, jump = lane.host, lane.via
        if not jump:
            return lambda: dial(host.address, host.port)
        return _tunnel(lambda: self._session(jump), host)

    def _reach(self, lane: "_Lane", entry: "_Entry") -> Transport:
        """Connect, and keep the connection for `close`; a refusal is final."""
        if entry.refused:
            raise entry.refused.again()
        with self._lock:
            self._reaching.add(lane)
        try:
            return self._keep(lane, self._connect(lane))
        except TrustError as error:
            entry.refused = error.again()
            raise
        finally:
            with self._lock:
                self._reaching.discard(lane)

    def _keep(self, lane: "_Lane", made: Transport) -> Transport:
        try:
            with self._lock:
                self._check_open(lane.host)
                self._live[lane] = made
        except ConnectionLostError:
            made.close()
            raise
        return made

    def _give_back(self) -> None:
        """Close what is idle beyond the most that is kept, least recently used first."""
        now = self._clock()
        with self._lock:
            if len(self._live) <= self._most_idle or now < self._look_at:
                return
            self._look_at = now + LOOKS
            self._live = {lane: transport for lane, transport in self._live.items() if transport.alive}
            carrying = {lane.via for lane in (*self._live, *self._reaching)}
            sessions = [self._entries[lane].session for lane in self._live if lane not in carrying]

        idle = sorted((found for found in sessions if found and found.idle), key=lambda found: found.used)
        for session in idle[: max(0, len(idle) - self._most_idle)]:
            session.rest(now - LINGER)

    def _check_open(self, host: Host) -> None:
        if self._closed:
            raise ConnectionLostError("no connection is made any more: the work has ended", where=host.label)

    def _connect(self, lane: "_Lane") -> Transport:
        """Connect; over a new connection to its jump host when that host's one turns out to stand still."""
        host = lane.host
        if not lane.via:
            return self._greet(host, self._way(lane))
        jump = self._session(lane.via)
        try:
            return self._greet(host, _tunnel(lambda: jump, host))
        except HostError:
            if jump.alive:
                raise
        anew = self._session(lane.via)
        return self._greet(host, _tunnel(lambda: anew, host))

    def _greet(self, host: Host, way: Dial) -> Transport:
        """Greet the host. Who does so waits for no other greeting: all of them might wait for the same jump host."""
        with self._greeting:
            with self._lock:
                self._check_open(host)
            return self._factories[host.transport](host, way)


def _tunnel(jump: Callable[[], Session], host: Host) -> Dial:
    def connect() -> Way:
        with jump().connected() as transport:
            return transport.tunnel(host.address, host.port)

    return connect


class _Lane(NamedTuple):
    """One of the connections to a host, by its number."""

    host: Host
    number: int

    @property
    def via(self) -> "_Lane | None":
        """The lane of the jump host that it leads through."""
        return _Lane(self.host.via, self.number) if self.host.via else None


class _Entry:
    """A lane's session and the lock under which it is made. A refused login is never tried again."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Session | None = None
        self.refused: TrustError | None = None
        self.proven = True

    def answers(self) -> bool:
        """Tell whether the session can be used; one kept since an earlier look is first asked what its host can do."""
        found, proven = self.session, self.proven
        self.proven = True
        if found is None or not found.alive:
            return False
        if not proven and found.idle:
            with suppress(SshsyncError):  # whoever wants to know is told the same
                return bool(found.capabilities)
        return found.alive
