"""Ports of loopback that are ours until this process ends, whoever else starts servers on this machine."""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

# Below what systems give to connections that ask for no port (32768 and up on Linux, 49152 and up on BSD).
OURS = range(12000, 32000)
_held: set[int] = set()


def reserved(room: Sequence[int] = OURS) -> int:
    """Return a port that nobody listens at, that no other process gets from here and no outgoing connection takes.

    A server may therefore leave it and come back to it. What holds a port is a lock on that byte of one file, which
    ends with the process (POSIX record locks).

    Args:
        room: the ports that may be taken.

    Raises:
        OSError: nothing in the room is free, or the file cannot be opened.
    """
    ledger = _ledger()
    for port in random.sample(room, len(room)):
        if port in _held:
            continue
        with contextlib.suppress(OSError), socket.socket() as probe:
            fcntl.lockf(ledger, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            probe.bind(("127.0.0.1", port))
            _held.add(port)
            return port
    raise OSError(f"no port from {room[0]} to {room[-1]} is free")


@cache
def _ledger() -> int:
    # Never closed: closing gives all locks of the process back.
    return os.open(Path(tempfile.gettempdir(), f"sshsync-ports-{os.geteuid()}"), os.O_CREAT | os.O_RDWR, 0o600)
