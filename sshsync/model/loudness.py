"""How loud an event is."""

from sshsync.model import events as ev
from sshsync.model.events import GOOD, Outcome


def level(event: ev.Event) -> int:
    """Return how loud an event is, on the scale of Python's logging: 10 debug, 20 info, 30 warning, 40 error."""
    if isinstance(event, ev.ItemFailed | ev.Retried | ev.Remarked):
        return 30
    if isinstance(event, ev.Unfit):
        return 40
    if isinstance(event, ev.RepositoryStarted | ev.Scanned | ev.Planned | ev.Saved | ev.Shared | ev.Sent | ev.Refused):
        return 10
    if isinstance(event, ev.RepositoryFinished):
        return 20 if event.outcome in GOOD or event.outcome == Outcome.SKIPPED else 40
    return 20
