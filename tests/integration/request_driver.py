"""Runs a configuration through the library and kills its own process, hard, at one request to a host.

Usage: request_driver.py CONF before|after NUMBER

Before: the request never reaches the host. After: it was begun there, and nobody ever reads its answer.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

from sshsync import builtin
from sshsync.api import Sync, load
from sshsync.transports.base import Stream, Transport

CONF, MOMENT, NUMBER = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
COUNTER = itertools.count(1)


class Dying:
    """A stream whose reader dies when the first of the answer has come."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def read(self, size: int) -> bytes:
        self._stream.read(size)
        os.kill(os.getpid(), signal.SIGKILL)
        return b""


class Killing:
    """A transport whose owner dies at the n-th script that it starts; all else is that of the real one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def open(self, *words: object, **more: object) -> object:
        here = next(COUNTER) == NUMBER
        if here and MOMENT == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        stream = self._transport.open(*words, **more)  # type: ignore[arg-type]
        return Dying(stream) if here else stream


if __name__ == "__main__":
    config = load(CONF)
    ways = {name: (lambda make: lambda host, dial: Killing(make(host, dial)))(make) for name, make in builtin.transports(config.settings).items()}
    with Sync(config, transports=ways) as sync:
        sys.exit(sync.run([["app1"]]).exit_code)
