"""A deadline for calls that have none of their own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watch:
    """Calls `on_stall` from outside when a guarded call takes too long.

    Paramiko waits without limit in a few places (the reply to ``exec``, a full socket): closing its
    transport from another thread is the one thing that ends such a wait.
    """

    def __init__(self, on_stall: Callable[[], None]) -> None:
        self._on_stall = on_stall
        self._deadlines: dict[int, float] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._number = 0
        self.stalled = False
        threading.Thread(target=self._run, name="sshsync-watch", daemon=True).start()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Guard the calls in the block."""
        with self._changed:
            self._number += 1
            number = self._number
            self._deadlines[number] = time.monotonic() + seconds
            if len(self._deadlines) == 1:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._deadlines.pop(number, None)

    def stop(self) -> None:
        """End the watching thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                if not self._deadlines:
                    self._changed.wait()
                    continue
                left = min(self._deadlines.values()) - time.monotonic()
                if left <= 0:
                    self.stalled = self._stopped = True
                else:
                    self._changed.wait(min(left, 5.0))
        if self.stalled:
            self._on_stall()
