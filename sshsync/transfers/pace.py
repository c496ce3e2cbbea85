"""Pace: no more bytes a second than a link may use."""

import threading
from collections.abc import Callable


class Pace:
    """Call it with the bytes that went over the wire: it returns when the next may.

    Args:
        rate: bytes a second; 0 for as fast as it goes.
        clock: seconds that never jump.
        sleep: waits for seconds; may raise to end the run.
    """

    def __init__(self, rate: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = 0.0
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        """Take the bytes in; what several threads move counts together."""
        if not self._rate:
            return
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now) + count / self._rate
            wait = self._free_at - now
        self._sleep(wait)
