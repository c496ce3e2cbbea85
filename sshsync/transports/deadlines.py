"""Deadlines for calls that have none of their own, and tests of what they wait for."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto


class Deadlines:
    """Looks after guarded calls from outside.

    Paramiko waits without limit in a few places (the reply to ``exec``, a full socket): closing its
    transport from another thread is the one thing that ends such a wait.

    Args:
        on_stall: called, once and for all, when a guarded call takes longer than its limit.
        test: called when a guarded call has waited longer than its patience; False ends the watch.
    """

    def __init__(self, on_stall: Callable[[], None], test: Callable[[], bool] = lambda: True) -> None:
        self._on_stall = on_stall
        self._test = test
        self._guards: dict[int, _Guard] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._number = 0
        self._wakes_at = math.inf
        self.stalled = False
        threading.Thread(target=self._run, name="sshsync-watch", daemon=True).start()

    @contextmanager
    def limit(self, seconds: float, patience: float = math.inf) -> Iterator[Callable[[], None]]:
        """Guard the calls in the block.

        Args:
            seconds: all that they may take.
            patience: seconds after which, and again after which, a test is due.

        Yields:
            What to call when something moved: the patience begins anew.
        """
        now = time.monotonic()
        guard = _Guard(now + seconds, patience, now + patience)
        with self._changed:
            self._number += 1
            number = self._number
            self._guards[number] = guard
            if guard.wakes_at < self._wakes_at:
                self._changed.notify()
        try:
            yield guard.moved
        finally:
            with self._changed:
                self._guards.pop(number, None)

    def stop(self) -> None:
        """End the watching thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            due = self._wait()
            if due is _Due.END or (due is _Due.TEST and not self._test()):
                return
            if due is _Due.STALL:
                self.stalled = True
                self._on_stall()
                return

    def _wait(self) -> "_Due":
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                self._wakes_at = min((guard.wakes_at for guard in self._guards.values()), default=math.inf)
                if self._wakes_at > now:
                    self._changed.wait(None if self._wakes_at == math.inf else self._wakes_at - now)
                elif any(guard.deadline <= now for guard in self._guards.values()):
                    return _Due.STALL
                else:
                    for guard in self._guards.values():
                        if guard.test_at <= now:
                            guard.moved()
                    return _Due.TEST
        return _Due.END


class _Due(Enum):
    """What the watch wakes up for."""

    TEST = auto()
    STALL = auto()
    END = auto()


@dataclass(slots=True)
class _Guard:
    """One guarded call; moments by the clock that never jumps."""

    deadline: float
    patience: float
    test_at: float

    @property
    def wakes_at(self) -> float:
        return min(self.deadline, self.test_at)

    def moved(self) -> None:
        self.test_at = time.monotonic() + self.patience
