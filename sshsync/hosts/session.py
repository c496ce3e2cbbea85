"""A host that answers: scripts run there, and what it can do."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from sshsync.errors import ConnectionLostError, DeadlineError
from sshsync.hosts.conversation import LONGEST_SILENCE, Conversation, Limits, Reply, new_token
from sshsync.kinds.base import Reader
from sshsync.remote import probe, scripts
from sshsync.remote.frame import MOST_ANSWER
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Command
from sshsync.transports.base import CHANNELS, REOPENED, Transport

T = TypeVar("T")

_LOOKING = "looking for its tools"

_MOST_TOLD = 1 << 20
_MOST_A_NAME = 5000
"""Bytes of an answer to a script that does not list: some for itself, and a path and a digest for each name."""

RELAYS = CHANNELS // 2 - 1
"""Streams through one connection at once. Each takes two channels where one connection leads to both of its ends, and
two channels are left then: a lease has to be renewed in time, however long the relays last."""


class Session:
    """A host that answers: probed once, spoken to by scripts. Safe to use from several threads.

    A session may rest: its connection is given back while nothing runs over it, and whatever is asked for next makes a
    new one. Whoever holds the session does not notice, but for the time.

    Args:
        transport: the connection.
        timeout: seconds of silence after which a script is given up.
        again: connects anew after a rest; without it the session never rests.
        capabilities: what the host can do; it is asked when that is not known.
        clock: seconds that never jump.

    Attributes:
        used: when it was last handed out, or a command began or ended, by `clock`.
    """

    def __init__(
        self,
        transport: Transport,
        timeout: float,
        *,
        again: Callable[[], Transport] | None = None,
        capabilities: Capabilities | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = transport.label
        self.timeout = timeout
        self.used = clock()
        self.relays = threading.BoundedSemaphore(RELAYS)
        self._transport: Transport | None = transport
        self._again = again
        self._running = 0
        self._lock = threading.Lock()
        self._clock = clock
        self._capabilities = capabilities
        self._probing = threading.Lock()

    @property
    def alive(self) -> bool:
        """False once the connection is lost or closed; a session that rests is alive."""
        transport = self._transport
        return transport is None or transport.alive

    @property
    def idle(self) -> bool:
        """Whether it has a connection over which nothing runs."""
        return self._transport is not None and not self._running

    @property
    def round_trip(self) -> float:
        """Seconds that a question and its answer take at the least; 0.0 where that is not known or nothing is far."""
        transport = self._transport
        return transport.round_trip if transport else 0.0

    @property
    def security(self) -> Mapping[str, str]:
        """The algorithms that the connection agreed on; empty where there are none."""
        with self.connected() as transport:
            return transport.security

    @property
    def capabilities(self) -> Capabilities:
        """What the host can do; asked for once, and again after `forget`. Whether that is enough, a kind knows."""
        with self._probing:
            found = self._capabilities
            if found is None:
                try:
                    reply = self.run(Command(scripts.PROBE)).check(_LOOKING)
                except DeadlineError as error:
                    error.hint = error.hint or "does one of them hang there?"
                    error.about(_LOOKING)
                    raise
                self._capabilities = found = probe.parse(reply.payload, time.time())
            return found

    @property
    def known(self) -> Capabilities | None:
        """What the host can do as far as it was asked: whoever connects to it anew need not ask again."""
        return self._capabilities

    def forget(self) -> None:
        """Ask the host anew what it can do, and for its clock, when that is wanted next; waits for nobody.

        What it is being asked at this moment is new enough.
        """
        self._capabilities = None

    @contextmanager
    def connected(self) -> Iterator[Transport]:
        """Have the connection, made anew after a rest; it is not given back while the block lasts.

        Raises:
            HostError: it could not be made anew.
        """
        transport = self._begin()
        try:
            yield transport
        finally:
            self._end()

    def rest(self, before: float) -> bool:
        """Give the connection back, unless something runs over it or the session was used after the moment `before`.

        Returns:
            Whether it was given back.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            transport = self._transport
            if transport is None or self._again is None or self._running or self.used > before:
                return False
            self._transport = None
        finally:
            self._lock.release()
        transport.close()
        return True

    def start(
        self,
        command: Command,
        stdin: bytes | None = None,
        *,
        allow: float = 0.0,
        token: bytes = b"",
        errors: Callable[[bytes], None] | None = None,
        ahead: int = 0,
    ) -> Conversation:
        """Start a script.

        Args:
            command: what to run.
            stdin: its whole input, fed beside the reading of its answer; None when the caller writes it.
            allow: seconds of silence that are fine beyond the host's timeout.
            token: frames the answer; random unless the command itself has to know it.
            errors: takes all of its error output as it comes; see `Conversation`. A reply keeps the beginning only.
            ahead: bytes of its output that may come before they are read; 0 for as many as are good for speed.

        Raises:
            HostError: it could not be started.
        """
        token = token or new_token()
        framed = replace(command, variables={"TOKEN": token, **command.variables})
        limits = self._limits(command, stdin, allow)
        transport = self._begin()
        try:
            stream = transport.open(framed, limits.idle, *((ahead,) if ahead else ()))
            conversation = Conversation(
                stream, token, self.label, limits, errors=errors, ended=self._end, clock=self._clock
            )
        except BaseException:
            self._end()
            raise
        if stdin is not None:
            conversation.feed(stdin)
        return conversation

    def run(
        self,
        command: Command,
        stdin: bytes = b"",
        *,
        allow: float = 0.0,
        token: bytes = b"",
        reader: Reader | None = None,
    ) -> Reply:
        """Run a script to its end and return its answer, but for what a reader takes as it comes.

        Raises:
            HostError: it did not run to its end, or answered more than such a script ever has to.
        """

        def once() -> Reply:
            if reader:
                reader.begin()
            with self.start(command, stdin, allow=allow, token=token) as conversation:
                return conversation.answer(reader)

        return self.reopening(once)

    def reopening(self, operation: Callable[[], T]) -> T:
        """Do what needs a channel, at once again, a few times, when the channel ended before its command had begun.

        Hosts do that now and then over a good connection: it is no failed try.

        Args:
            operation: safe to repeat as long as its command has not begun.
        """
        for _ in range(REOPENED):
            try:
                return operation()
            except ConnectionLostError as error:
                if error.begun or not self.alive:
                    raise
        return operation()

    def _limits(self, command: Command, stdin: bytes | None, allow: float) -> Limits:
        name, idle = command.script.name, self.timeout + min(allow, LONGEST_SILENCE)
        if command.script.lists:
            return Limits(name, idle)
        names = max(command.names, (stdin or b"").count(b"\0" if "XARGS" in command.variables else b"\n"))
        return Limits(name, idle, names, self.timeout, min(MOST_ANSWER, _MOST_TOLD + _MOST_A_NAME * names))

    def _begin(self) -> Transport:
        """Return the connection, and keep it from being given back until `_end`."""
        with self._lock:
            if self._transport is None:
                assert self._again is not None  # noqa: S101 - without it nothing rests
                self._transport = self._again()
            self._running += 1
            self.used = self._clock()
            return self._transport

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            self.used = self._clock()

    def close(self) -> None:
        """Close the connection."""
        transport = self._transport
        if transport is not None:
            transport.close()
