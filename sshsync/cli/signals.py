"""Signals of a command that takes its time."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def handled(stop: Callable[[int], None], reload: Callable[[], None] | None = None) -> Iterator[None]:
    """Let the first TERM, INT or HUP end it cleanly, the second one at once.

    Args:
        stop: gets the signal's number.
        reload: takes HUP, where that has another meaning.
    """
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.getsignal(name) for name in names}

    def take(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGHUP and reload:
            reload()
            return
        for name in names:
            signal.signal(name, signal.SIG_DFL)
        stop(number)
        with suppress(OSError):
            os.write(sys.stderr.fileno(), b"sshsync: stopping; once more to stop at once\n")

    for name in names:
        signal.signal(name, take)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
