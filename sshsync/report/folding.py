"""Lines of a run with many repositories: what is said of many of them within a moment is said once."""

from dataclasses import dataclass, field, replace

from sshsync.model import events as ev
from sshsync.report import lines, words
from sshsync.report.as_text import MANY

HOLD = 1.0
"""Seconds for which a line may wait for others like it."""

Line = tuple[int, str]
"""How loud it is, and what it says."""


@dataclass(slots=True)
class _Alike:
    """Events that say the same of several repositories."""

    events: list[ev.Planned | ev.RepositoryFinished] = field(default_factory=list)

    def told(self) -> list[Line]:
        if len(self.events) < MANY:
            return [(lines.level(event), lines.line(event)) for event in self.events]
        first = self.events[0]
        who = words.names(sorted(event.repository for event in self.events))
        if isinstance(first, ev.Planned):
            return [(lines.level(first), lines.line(replace(first, repository=who)))]
        took = [event.seconds for event in self.events if isinstance(event, ev.RepositoryFinished)]
        quickest = replace(first, repository=who, seconds=min(took))
        return [(lines.level(first), lines.line(quickest, max(took)))]


class Folding:
    """Makes lines of the events of a run, in their order but for those that wait for others like them.

    In a run with few repositories nothing waits.
    """

    def __init__(self) -> None:
        self._folds = False
        self._held: dict[object, _Alike] = {}
        self._since = 0.0

    def take(self, event: ev.Event, now: float) -> list[Line]:
        """Return the lines that are due with an event.

        Args:
            event: what happened.
            now: seconds of a clock that nobody sets.
        """
        if isinstance(event, ev.RunStarted):
            self._folds = sum(map(len, event.stages)) >= MANY
        said = lines.line(event)
        if self._folds and isinstance(event, ev.Planned | ev.RepositoryFinished):
            due = self._due(now)
            if not self._held:
                self._since = now
            self._held.setdefault(_sense(event), _Alike()).events.append(event)
            return due
        due = self.rest() if said else self._due(now)
        return [*due, (lines.level(event), said)] if said else due

    def rest(self) -> list[Line]:
        """Return what waits."""
        held, self._held = self._held, {}
        return [line for alike in held.values() for line in alike.told()]

    def _due(self, now: float) -> list[Line]:
        return self.rest() if self._held and now - self._since >= HOLD else []


def _sense(event: ev.Planned | ev.RepositoryFinished) -> object:
    """Return what those have in common that are told in one line."""
    if isinstance(event, ev.RepositoryFinished):
        return event.outcome, event.error
    return lines.line(replace(event, repository=""))
