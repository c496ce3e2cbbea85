"""Sinks: whoever wants to know what happens takes the same events, in the same order."""

import threading
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from sshsync.core import fold
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.events import Emit, Entry
from sshsync.model.loudness import level
from sshsync.model.report import RunReport
from sshsync.model.words import visible


class FanOut:
    """Gives each event to all sinks, one event at a time, from whatever thread; but for meters.

    Meters (`Progress`) come with every piece of bytes and are kept by nobody: they wait for no other event, and so for
    no disk. A sink takes them while it takes something else, and several at once.
    """

    def __init__(self, sinks: Sequence[Emit]) -> None:
        self._sinks = tuple(sinks)
        self._lock = threading.RLock()

    def __call__(self, event: ev.Event) -> None:
        """Hand the event on; the journal stands first, so nothing is shown that is not on disk."""
        if isinstance(event, ev.Progress):
            for sink in self._sinks:
                sink(event)
            return
        with self._lock:
            for sink in self._sinks:
                sink(event)


class Keeping:
    """Gives each event its run and its time, and then to who keeps it; meters are not kept.

    Args:
        keep: takes the entries.
        run: id of the run.
        clock: the controller's time in seconds since the epoch.
    """

    def __init__(self, keep: Callable[[Entry], None], run: str, clock: Callable[[], float]) -> None:
        self._keep = keep
        self._run = run
        self._clock = clock

    def __call__(self, event: ev.Event) -> None:
        """Hand the event on."""
        if not isinstance(event, ev.Progress):
            self._keep(Entry(self._run, self._clock(), event))


class Folding:
    """Keeps a report up to date."""

    def __init__(self) -> None:
        self.report = RunReport()

    def __call__(self, event: ev.Event) -> None:
        """Add the event to the report; meters are no part of it."""
        if not isinstance(event, ev.Progress):
            fold.apply(self.report, event)


_COUNTS = (
    *("copied", "unchanged", "deleted", "failed", "blocked", "deferred"),
    *("moved", "saved", "shared", "resent", "retries"),
)


class Logging:
    """Writes events to a structured log: one line an item at debug, one a repository at info.

    Args:
        logger: takes the lines.
        report: the fold of the events, which has taken each event before this sink does.
    """

    def __init__(self, logger: FilteringBoundLogger, report: RunReport) -> None:
        self._log = logger
        self._report = report
        self._run = ""

    def __call__(self, event: ev.Event) -> None:
        """Log the event; every line names the run, and repository and item where there are any."""
        if isinstance(event, ev.Progress):
            return
        if isinstance(event, ev.RunStarted):
            self._run = event.run
        log = self._log.bind(run=self._run)
        if isinstance(event, ev.Published):
            words = self._item(event.repository) + " published"
            for name, digest, size in event.items:
                log.debug(words, repository=event.repository, item=visible(name), digest=digest, bytes=size)
            return
        if isinstance(event, ev.Deleted | ev.Adjusted):
            words = self._item(event.repository) + (" deleted" if isinstance(event, ev.Deleted) else " adjusted")
            for name in event.names:
                log.debug(words, repository=event.repository, item=visible(name))
            return
        if isinstance(event, ev.Verified | ev.Sent):
            return
        values = written.to_json(event)
        if isinstance(event, ev.Scanned):
            values["omitted"] = {many: count for _, count, _, many in event.omitted}
        if isinstance(event, ev.RepositoryFinished):
            job = self._report.repositories[event.repository]
            values |= {name: getattr(job, name) for name in _COUNTS}
        words = str(values.pop("type"))
        values.pop("run", None)
        if "name" in values:
            values["item"] = visible(values.pop("name"))
        log.log(level(event), _spelled(words), **values)

    def _item(self, repository: str) -> str:
        return self._report.repositories[repository].words.one


def _spelled(name: str) -> str:
    """RepositoryStarted becomes "repository started"."""
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()
