"""Trying again: only what may help, never for ever, never past a signal."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from sshsync.errors import ConnectError, InterruptedRun, SshsyncError
from sshsync.model.policy import Retries

T = TypeVar("T")

_SLICE = 0.5
"""Seconds that pass at the most before a part of a run that is given up ends to rest."""


class Stop:
    """Tells every part of a run that it has to end: a signal says so, or there is no more time.

    Args:
        rest: waits for seconds; by default until they are over or a signal comes.
    """

    def __init__(self, rest: Callable[[float], object] | None = None) -> None:
        self._event = threading.Event()
        self._rest = rest or self._event.wait
        self.signal = 0
        self.why = ""

    def set(self, signal: int, why: str = "") -> None:
        """Ask the run to end; `why` there is no more time, "" for a signal that came."""
        # Whoever sees the signal asks why.
        self.why = why
        self.signal = signal
        self._event.set()

    def check(self) -> None:
        """Raise when the run has to end.

        Raises:
            InterruptedRun: a signal came.
        """
        if self._event.is_set():
            raise InterruptedRun(self.signal)

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a signal.

        Raises:
            InterruptedRun: a signal came.
        """
        self._rest(seconds)
        self.check()


class Branch(Stop):
    """A stop for a part of a run: it ends with the run, or when it is set itself.

    Args:
        trunk: the run's.
    """

    def __init__(self, trunk: Stop) -> None:
        super().__init__()
        self._trunk = trunk

    def check(self) -> None:
        """See `Stop`."""
        self._trunk.check()
        super().check()

    def sleep(self, seconds: float) -> None:
        """See `Stop`."""
        self.check()
        while seconds > 0:
            self._trunk.sleep(min(seconds, _SLICE))
            self.check()
            seconds -= _SLICE


def retry(  # noqa: PLR0913 - each is a seam
    operation: Callable[[], T],
    policy: Retries,
    stop: Stop,
    *,
    progress: Callable[[], int] = lambda: 0,
    hope: Callable[[], int] = lambda: 0,
    notify: Callable[[int, str, float], None] = lambda _attempt, _reason, _wait: None,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Run an operation until it succeeds or trying again makes no sense.

    Patience counts trouble: `policy.transient` tries in a row without progress are the last, and so is a refused
    connection more than `policy.unreachable` seconds after the first refusal in a row. Any other error, and any
    progress, ends such a row.

    Args:
        operation: safe to repeat.
        policy: tries and waits.
        stop: ends waiting at once.
        progress: a number that grows when an attempt achieved something that is kept; growth starts the count anew.
        hope: one that grows when an attempt may have done so. Of those in a row the first is followed at once by one
            that finds out, and does not count.
        notify: told of each attempt that failed: its number, why, and the seconds until the next.
        clock: seconds that never jump.

    Raises:
        SshsyncError: the last error, when it is permanent or the tries are used up.
    """
    count = _Count(policy, progress, hope, clock)
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, SshsyncError) and error.transient),
        stop=count.exhausted,
        wait=lambda _state: count.wait(),
        sleep=stop.sleep,
        before_sleep=lambda state: notify(count.tries, _reason(state), _wait(state)),
        reraise=True,
    )
    try:
        return attempts(operation)
    except SshsyncError as error:
        error.tries = error.tries or count.words()
        raise


class _Count:
    """Counts failed tries since the last progress."""

    def __init__(
        self, policy: Retries, progress: Callable[[], int], hope: Callable[[], int], clock: Callable[[], float]
    ) -> None:
        self._policy = policy
        self._progress = progress
        self._hope = hope
        self._hoped = hope()
        self._vain = 0
        self._clock = clock
        self._seen = progress()
        self._since = clock()
        self._refused_since: float | None = None
        self._back_off = tenacity.wait_exponential_jitter(
            multiplier=policy.first_wait, max=policy.longest_wait, jitter=policy.first_wait
        )
        self.tries = 0
        self.reasons: list[str] = []

    @property
    def _open(self) -> bool:
        """Whether the last try, the first one in vain, may have kept something."""
        return self._progress() <= self._seen and not self._vain and self._hope() > self._hoped

    def words(self) -> str:
        """Tell of all tries since the last progress, equal reasons in a row as one; "" for a single try."""
        if self.tries < 2:
            return ""
        runs: list[tuple[str, int]] = []
        for reason in self.reasons:
            same = bool(runs) and runs[-1][0] == reason
            runs[-1:] = [(reason, runs[-1][1] + 1)] if same else [*runs[-1:], (reason, 1)]
        spent = f"{self.tries} tries in {self._clock() - self._since:.0f} s"
        if len(runs) == 1:
            return f" [{spent}]"
        told = "; ".join(f"{reason} ({times} times)" if times > 1 else reason for reason, times in runs)
        return f" [{spent}: {told}]"

    def exhausted(self, state: tenacity.RetryCallState) -> bool:
        kept, now = self._progress(), self._clock()
        progressed, open_ = kept > self._seen, self._open
        self._hoped = self._hope()
        self._vain = 0 if progressed else self._vain + 1
        if progressed:
            self._seen, self._since, self.tries = kept, now, 0
            self._refused_since = None
            self.reasons.clear()
        self.tries += not open_

        error = state.outcome.exception() if state.outcome else None
        self.reasons.append(error.what if isinstance(error, SshsyncError) else str(error))
        if not isinstance(error, ConnectError):
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        given_up = self._refused_since is not None and now - self._refused_since > self._policy.unreachable
        return not progressed and (given_up or self.tries >= self._policy.transient)

    def wait(self) -> float:
        """Return the seconds until the next try: none after one that kept something, or that is the first that may."""
        if self._progress() > self._seen or self._open:
            return 0.0
        state = tenacity.RetryCallState(None, None, (), {})  # type: ignore[arg-type]
        state.attempt_number = self.tries
        return float(self._back_off(state))


def _reason(state: tenacity.RetryCallState) -> str:
    return str(state.outcome.exception()) if state.outcome else ""


def _wait(state: tenacity.RetryCallState) -> float:
    return state.next_action.sleep if state.next_action else 0.0
