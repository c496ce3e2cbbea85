"""A host that answers: scripts run there, and what it can do."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sshsync.errors import ConnectionLostError, ToolMissingError
from sshsync.hosts.conversation import LONGEST_SILENCE, MOST_ANSWER, Conversation, Limits, Reply, new_token
from sshsync.remote import probe, scripts
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Command
from sshsync.transports.base import CHANNELS, REOPENED, Transport

T = TypeVar("T")

_MOST_TOLD = 1 << 20
_MOST_A_NAME = 5000
"""Bytes of an answer to a script that does not list: some for itself, and a path and a digest for each name."""

RELAYS = CHANNELS // 2 - 1
"""Streams through one connection at once. Each takes two channels where one connection leads to both of its ends, and
two channels are left then: a lease has to be renewed in time, however long the relays last."""


class Session:
    """A host that answers: probed once, spoken to by scripts.

    Args:
        timeout: seconds of silence after which a script is given up.
        clock: seconds that never jump.
    """

    def __init__(self, transport: Transport, timeout: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self.timeout = timeout
        self._clock = clock
        self._capabilities: Capabilities | None = None
        self._lock = threading.Lock()
        self.relays = threading.BoundedSemaphore(RELAYS)

    @property
    def transport(self) -> Transport:
        """The connection itself."""
        return self._transport

    @property
    def label(self) -> str:
        """The host as messages name it."""
        return self._transport.label

    @property
    def alive(self) -> bool:
        """False once the connection is gone."""
        return self._transport.alive

    @property
    def capabilities(self) -> Capabilities:
        """What the host can do; asked for once a connection.

        Raises:
            ToolMissingError: naming every tool that is missing.
        """
        with self._lock:
            if self._capabilities is None:
                reply = self.run(Command(scripts.PROBE)).check("looking for its tools")
                found = probe.parse(reply.payload, time.time())
                if found.missing:
                    raise ToolMissingError(f"lacks {', '.join(found.missing)}", where=self.label)
                self._capabilities = found
            return self._capabilities

    def start(
        self, command: Command, stdin: bytes | None = None, *, allow: float = 0.0, token: bytes = b""
    ) -> Conversation:
        """Start a script.

        Args:
            command: what to run.
            stdin: its whole input, fed beside the reading of its answer; None when the caller writes it.
            allow: seconds of silence that are fine beyond the host's timeout.
            token: frames the answer; random unless the command itself has to know it.
        """
        token = token or new_token()
        framed = replace(command, variables={"TOKEN": token, **command.variables})
        limits = self._limits(command, stdin, allow)
        stream = self._transport.open(framed, limits.idle)
        conversation = Conversation(stream, token, self.label, limits, self._clock)
        if stdin is not None:
            conversation.feed(stdin)
        return conversation

    def run(self, command: Command, stdin: bytes = b"", *, allow: float = 0.0, token: bytes = b"") -> Reply:
        """Run a script to its end and return its answer.

        Raises:
            HostError: it did not run to its end, or answered more than such a script ever has to.
        """

        def once() -> Reply:
            with self.start(command, stdin, allow=allow, token=token) as conversation:
                return conversation.answer()

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
        names = (stdin or b"").count(b"\n")
        return Limits(name, idle, names, self.timeout, min(MOST_ANSWER, _MOST_TOLD + _MOST_A_NAME * names))

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
