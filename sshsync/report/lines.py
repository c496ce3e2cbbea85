"""Events in words: one line each, for consoles and pipes."""

from collections.abc import Callable
from typing import Any

from sshsync.model import events as ev
from sshsync.model import loudness
from sshsync.model.events import GOOD
from sshsync.model.narrow import Narrow
from sshsync.model.row import ALGORITHMS
from sshsync.model.words import USUAL
from sshsync.report import words


def level(event: ev.Event) -> int:
    """Return how loud the line of an event is: people want to see what a repository needs before it is done."""
    return 20 if isinstance(event, ev.Planned) else loudness.level(event)


def line(event: ev.Event, longest: float = 0.0) -> str:
    """Return the event as one line, "" when it is not worth one.

    Args:
        event: what happened.
        longest: seconds that the same took elsewhere, where it is told of several repositories at once.
    """
    if isinstance(event, ev.RepositoryFinished):
        return _finished_line(event, longest)
    wording = _WORDING.get(type(event))
    return wording(event) if wording else ""


def _run_line(event: ev.RunStarted) -> str:
    stages = "  then  ".join(map(words.names, event.stages))
    verb = "continued" if event.continued else "started"
    narrowed = Narrow(tuple(event.include), tuple(event.exclude)).words
    how = ", ".join(filter(None, ("dry run" if event.dry_run else "", narrowed)))
    return f"run {event.run} {verb}{f' ({how})' if how else ''}: {stages}"


def _planned_line(event: ev.Planned) -> str:
    counts = {"copy": event.copy - event.done, "replace": event.replace, "adjust": event.adjust, "delete": event.delete}
    verbs = {"copy": event.bring}
    todo = {what: f"{count} to {verbs.get(what, what)}" for what, count in counts.items() if count}
    if event.empties:
        todo["empties"] = f"{words.count(event.empties, 'empty directory', 'empty directories')} to make or remove"
    if event.links:
        todo["links"] = f"{words.count(event.links, 'link')} to make or change"
    moving = [what for what in ("copy", "replace") if what in todo]
    # What the host itself gets from elsewhere has no size that anybody knows.
    if moving and event.bring == USUAL.bring:
        todo[moving[-1]] += f" ({words.size(event.bytes - event.done_bytes)})"
    nothing = "nothing more to do" if event.done else "nothing to do"
    unchanged = max(0, event.unchanged - event.done)
    return f"{event.repository}: {', '.join(todo.values()) or nothing}, {unchanged} unchanged"


def _change_line(event: ev.PlannedChange) -> str:
    verb = event.bring if event.kind == "copy" else event.kind
    told = " by ".join(words.item(one) for one in (event.old, event.new) if one)
    what = " ".join(filter(None, (words.item(event.name), told, "(down)" if event.down else "")))
    moving = f" ({words.size(event.bytes)})" if event.kind in ("copy", "replace") and not told else ""
    return f"{event.repository}: would {verb} {what}{moving}"


def _finished_line(event: ev.RepositoryFinished, longest: float) -> str:
    least, most = words.duration(event.seconds), words.duration(max(longest, event.seconds))
    took = least if least == most else f"{least} to {most}"
    reason = f": {event.error}" if event.error and event.outcome not in GOOD else ""
    return f"{event.repository}: {event.outcome} in {took}{reason}"


_WORDING: dict[type, Callable[[Any], str]] = {
    ev.RunStarted: _run_line,
    ev.Planned: _planned_line,
    ev.Retried: lambda e: f"{e.repository}: {e.step}: try {e.attempt} failed, next in {e.wait:g} s: {e.reason}",
    ev.Waiting: lambda e: f"{e.repository}: waiting {e.seconds:g} s: {e.reason}",
    ev.Remarked: lambda e: f"{e.repository}: note: {e.text}",
    ev.Decided: lambda e: f"{e.repository}: {e.text}",
    ev.Unfit: lambda e: f"{e.repository}: preflight: {e.reason}",
    ev.ItemFailed: lambda e: f"{e.repository}: {words.item(e.name)}: {e.outcome}: {e.reason}",
    ev.PlannedChange: _change_line,
}


def _told(digest: str, size: int) -> str:
    """Return what tells one state of an item from another: its size, or what is no digest of bytes."""
    made, _, value = digest.partition(":")
    return f" {words.item(value)}" if value and made not in ALGORITHMS.values() else f" ({words.size(size)})"


def items(event: ev.Event) -> list[str]:
    """Return one line for each item that became another one by the event."""
    if isinstance(event, ev.Published):
        told = ((words.item(name), _told(digest, size)) for name, digest, size in event.items)
        return [f"{event.repository}: published {name}{what}" for name, what in told]
    if isinstance(event, ev.Deleted):
        return [f"{event.repository}: deleted {words.item(name)}" for name in event.names]
    if isinstance(event, ev.Adjusted):
        return [f"{event.repository}: adjusted {words.item(name)}" for name in event.names]
    return []
