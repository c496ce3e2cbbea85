"""Timeline: when each repository was at work in a run, and what was tried again meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sshsync.model import events as ev

MOST_NAMES = 500
"""Names that are kept for each repository: a timeline of a million items is no longer than one of a thousand."""


@dataclass(slots=True)
class Span:
    """One stretch of work on a repository; times of the controller's clock. `outcome` is "" when it did not end."""

    repository: str
    begin: float
    end: float
    outcome: str = ""
    retries: list[tuple[float, ev.Retried]] = field(default_factory=list)


@dataclass(slots=True)
class Names:
    """How many items, and the first `MOST_NAMES` of them with their sizes (0 for those that were deleted)."""

    count: int = 0
    first: list[tuple[str, int]] = field(default_factory=list)

    def add(self, items: list[tuple[str, int]]) -> None:
        """Count items, and keep them while there is room."""
        self.count += len(items)
        self.first += items[: max(0, MOST_NAMES - len(self.first))]


@dataclass(slots=True)
class Timeline:
    """A run in time.

    Attributes:
        spans: in the order in which work began.
        published: for each repository, the items that became visible.
        deleted: for each repository, those that were deleted.
    """

    begin: float = 0.0
    end: float = 0.0
    spans: list[Span] = field(default_factory=list)
    published: dict[str, Names] = field(default_factory=dict)
    deleted: dict[str, Names] = field(default_factory=dict)

    @property
    def retries(self) -> list[tuple[float, ev.Retried]]:
        """Everything that was tried again, in order."""
        return sorted((retry for span in self.spans for retry in span.retries), key=lambda found: found[0])


def timeline(events: Iterable[tuple[float, ev.Event]]) -> Timeline:
    """Return the timeline that a run's events tell of, each with its time."""
    found = Timeline()
    open_spans: dict[str, Span] = {}
    for at, event in events:
        found.begin = found.begin or at
        found.end = max(found.end, at)
        if isinstance(event, ev.RepositoryStarted):
            open_spans[event.repository] = span = Span(event.repository, at, at)
            found.spans.append(span)
        elif isinstance(event, ev.Published):
            found.published.setdefault(event.repository, Names()).add([(name, size) for name, _, size in event.items])
        elif isinstance(event, ev.Deleted):
            found.deleted.setdefault(event.repository, Names()).add([(name, 0) for name in event.names])
        _extend(open_spans, at, event)
    return found


def _extend(spans: dict[str, Span], at: float, event: ev.Event) -> None:
    """A span that never ended lasts until the last that was heard of it."""
    span = spans.get(getattr(event, "repository", ""))
    if span is None:
        return
    span.end = at
    if isinstance(event, ev.Retried):
        span.retries.append((at, event))
    if isinstance(event, ev.RepositoryFinished):
        span.outcome = event.outcome
        del spans[event.repository]
