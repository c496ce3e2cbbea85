"""Pace: no more bytes a second than a link may use at this time."""

import threading
import time
from collections.abc import Callable

from sshsync.model.bandwidth import Bandwidth
from sshsync.model.hours import Moment

LATE = 0.2
"""Seconds that somebody may come late and still make up for it: machines wake nobody on the dot. Who comes later has
had nothing to send, and saved nothing up by that."""

STEP = 0.1
"""Seconds that what goes at once may take."""

LEAST, MOST = 4 << 10, 256 << 10
"""Bytes that go at once."""


def wall(seconds: float) -> Moment:
    """Return what a clock on this machine's wall shows at a time in seconds since the epoch."""
    shown = time.localtime(seconds)
    return Moment(shown.tm_wday, shown.tm_hour * 60 + shown.tm_min)


class Pace:
    """Lets bytes go at a rate, in steps so small that none of them is a burst; one for all that uses a link.

    Args:
        limit: bytes a second, by the time.
        clock: seconds that never jump.
        sleep: waits for seconds; may raise to end the run.
        moment: what the clock on the wall shows.
    """

    def __init__(
        self,
        limit: Bandwidth,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        moment: Callable[[], Moment] = lambda: wall(time.time()),
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._moment = moment
        self._free_at = clock()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Bytes a second that may go now; 0 for as fast as it goes."""
        return self._limit.at(self._moment()) if self._limit else 0.0

    @property
    def step(self) -> int:
        """Bytes that go at once; 0 for as many as there are."""
        rate = self.rate
        return max(LEAST, min(MOST, int(rate * STEP))) if rate else 0

    def ahead(self, round_trip: float) -> int:
        """Return how many bytes may be on their way so that they come without a pause; 0 for as many as there are.

        What a parent may send before it is read would go at once, and nothing after it for a while.
        """
        return int(self._limit.widest * (STEP + 2 * round_trip))

    def __call__(self, count: int) -> None:
        """Wait until bytes may be sent; what several threads send counts together."""
        rate = self.rate
        if not rate:
            return
        with self._lock:
            now = self._clock()
            begin = self._free_at if now - self._free_at <= LATE else now
            self._free_at = begin + count / rate
            wait = begin - now
        if wait > 0:
            self._sleep(wait)
