"""Headway: what a run under way tells of itself once a second, for whoever follows it."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sshsync.model import events as ev
from sshsync.model.events import GOOD

EVERY = 1.0
"""Seconds between two words."""
WINDOW = 10
"""Words over which a rate is taken."""


@dataclass(slots=True)
class _Part:
    """One repository that is being synchronized; `samples` are moments and the bytes that had arrived by then."""

    doing: str = "looking"
    items: int = 0
    items_planned: int = 0
    arrived: int = 0
    published: int = 0
    planned: int = 0
    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=WINDOW + 1))


class Headway:
    """A sink of events. Safe to use from several threads; bytes wait for no disk, as all meters.

    Args:
        run: id of the run.
        clock: the controller's time in seconds since the epoch.
        monotonic: a clock that nobody sets.
        tell: takes what `at` returns, at most once in `EVERY` seconds, and never raises.
    """

    def __init__(
        self,
        run: str,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        tell: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._run = run
        self._clock = clock
        self._monotonic = monotonic
        self._tell = tell
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._told = float("-inf")
        self._begun = clock()
        self._all = self._ended = self._bad = 0
        self._whole = _Part()
        self._parts: dict[str, _Part] = {}

    def __call__(self, event: ev.Event) -> None:
        """Take the event."""
        with self._lock:
            self._take(event)
        if not isinstance(event, ev.Progress):
            self.tick()

    def tick(self) -> None:
        """Tell how far the run is, when it is time to; whoever comes while somebody tells goes on."""
        now = self._monotonic()
        if now - self._told < EVERY or not self._telling.acquire(blocking=False):
            return
        try:
            self._told = now
            self._tell(self.values())
        finally:
            self._telling.release()

    def values(self) -> dict[str, Any]:
        """Return how far the run is, in values that are ready for JSON; rates are taken between calls."""
        with self._lock:
            return self._values(self._monotonic())

    def _take(self, event: ev.Event) -> None:
        if isinstance(event, ev.RunStarted):
            self._all = sum(len(stage) for stage in event.stages)
        elif isinstance(event, ev.RepositoryStarted):
            self._parts[event.repository] = _Part()
        elif isinstance(event, ev.RepositoryFinished):
            if part := self._parts.pop(event.repository, None):
                self._whole.arrived += part.arrived
                self._whole.planned += part.arrived
            self._ended += 1
            self._bad += event.outcome not in GOOD
        elif not isinstance(event, ev.RunFinished) and (part := self._parts.get(event.repository)):
            _move(part, event)

    def _values(self, now: float) -> dict[str, Any]:
        return {
            "run": self._run,
            "at": self._clock(),
            "started": self._begun,
            "repositories": self._all,
            "ended": self._ended,
            "bad": self._bad,
            **self._total(now),
            "underway": [_shown(name, part, now) for name, part in self._parts.items()],
        }

    def _total(self, now: float) -> dict[str, Any]:
        """Return the bytes of the whole run; what nobody has planned yet is not among them."""
        arrived = self._whole.arrived + sum(part.arrived for part in self._parts.values())
        planned = self._whole.planned + sum(max(part.planned, part.arrived) for part in self._parts.values())
        self._whole.samples.append((now, arrived))
        return _bytes(arrived, planned, rate(list(self._whole.samples)))


def _move(part: _Part, event: ev.Event) -> None:
    if isinstance(event, ev.Progress):
        part.arrived += event.bytes
    elif isinstance(event, ev.Planned):
        part.planned, part.items_planned = event.bytes, event.copy + event.replace
        part.doing = "bringing" if event.copy + event.replace else "finishing"
    elif isinstance(event, ev.Published):
        part.items += len(event.items)
        part.published += event.bytes
        # What an earlier run had brought, or was found on the host, passes no meter.
        part.arrived = max(part.arrived, part.published)
    elif isinstance(event, ev.Waiting):
        part.doing = "waiting"


def _shown(name: str, part: _Part, now: float) -> dict[str, Any]:
    part.samples.append((now, part.arrived))
    items = {"items": part.items, "items_planned": part.items_planned}
    told = _bytes(part.arrived, part.planned, rate(list(part.samples)))
    return {"name": name, "doing": part.doing, **items, **told}


def _bytes(arrived: int, planned: int, speed: float) -> dict[str, Any]:
    missing = max(0, planned - arrived)
    return {
        "bytes": arrived,
        "bytes_planned": planned,
        "percent": round(min(100.0, 100 * arrived / planned), 1) if planned else None,
        "rate": round(speed),
        "left": round(missing / speed, 1) if speed and planned else None,
    }


def rate(samples: list[tuple[float, int]]) -> float:
    """Return bytes a second over samples of moments and bytes; 0 while there are too few."""
    if len(samples) < 2:
        return 0.0
    (begin, before), (end, after) = samples[0], samples[-1]
    return (after - before) / (end - begin) if end > begin else 0.0
