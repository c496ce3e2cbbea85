"""The agent of the account that runs sshsync, for commands on hosts that were told they may ask it."""

import os
import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import closing, suppress

import paramiko

from sshsync.errors import HostError

_MOST = 1 << 18
"""Bytes of a message; OpenSSH's agent takes no longer ones."""

_PATIENCE = 60.0
"""Seconds in which an agent answers; it may have to ask somebody."""


class Agents:
    """Who may ask the agent over one connection: commands whose channel is open, and nobody else.

    Args:
        label: the host as messages name it.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._allowed: weakref.WeakSet[paramiko.Channel] = weakref.WeakSet()

    def allow(self) -> Callable[[paramiko.Channel], None]:
        """Return what lets a command ask the agent until its channel is closed; called before the command begins.

        A host whose sshd does not let it says nothing about that: the command finds no agent there.

        Raises:
            HostError: no agent is there to be asked.
        """
        place = os.environ.get("SSH_AUTH_SOCK", "")
        if not _answers(place):
            hint = "start sshsync where SSH_AUTH_SOCK leads to one, or give the host a key of its own"
            raise HostError("forward_agent: no ssh-agent answers here", where=self._label, hint=hint)

        def ready(channel: paramiko.Channel) -> None:
            self._allowed.add(channel)
            channel.request_forward_agent(lambda asking: self._begin(asking, place))

        return ready

    def _begin(self, asking: paramiko.Channel, place: str) -> None:
        """Serve a channel on which the host wants to ask, from a thread of its own."""
        if any(not channel.closed for channel in self._allowed):
            threading.Thread(target=_serve, args=(asking, place), name="sshsync-agent", daemon=True).start()
        else:
            asking.close()


def _answers(place: str) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(_PATIENCE)
        agent.connect(place)
        return True
    return False


def _serve(asking: paramiko.Channel, place: str) -> None:
    """Carry questions and answers, one after the other, as the agent's protocol wants it."""
    with closing(asking), suppress(paramiko.SSHException, EOFError, OSError), socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(_PATIENCE)
        agent.connect(place)
        while question := _message(asking.recv):
            agent.sendall(question)
            asking.sendall(_message(agent.recv))


def _message(receive: Callable[[int], bytes]) -> bytes:
    """Return one message with its length before it; b"" at the end, or for one that is too long."""
    head = _exactly(receive, 4)
    length = int.from_bytes(head, "big")
    body = _exactly(receive, length) if len(head) == 4 and length <= _MOST else b""
    return head + body if body else b""


def _exactly(receive: Callable[[int], bytes], size: int) -> bytes:
    held = b""
    while len(held) < size and (piece := receive(size - len(held))):
        held += piece
    return held if len(held) == size else b""
