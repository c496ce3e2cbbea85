"""The channel for the next command: opened while another one begins, so that nobody waits for it."""

import contextlib
import threading
from collections.abc import Callable

import paramiko

FAR = 0.005
"""Seconds of a round trip from which this is worth a thread."""


class Ahead:
    """One channel that nobody uses yet. A host that opens no more than are needed is asked once.

    Args:
        opened: opens a channel.
    """

    def __init__(self, opened: Callable[[], paramiko.Channel]) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._asked = False
        self._channel: paramiko.Channel | None = None

    def open(self) -> None:
        """Have the channel opened, unless it is, or was refused; waits for nothing."""
        with self._lock:
            asked, self._asked = self._asked, True
        if not asked:
            threading.Thread(target=self._work, name="sshsync-open", daemon=True).start()

    def take(self) -> paramiko.Channel | None:
        """Return the channel, if there is one that the host has not closed meanwhile: it is the caller's now."""
        with self._lock:
            found, self._channel = self._channel, None
            self._asked = self._asked and found is None
        return found if found and not found.closed else None

    def _work(self) -> None:
        # Why there is none finds out who needs one.
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel = self._opened()
