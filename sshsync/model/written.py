"""Events as they are written down: by journals, and for programs."""

from dataclasses import asdict
from typing import Any, get_type_hints

from sshsync.model import events as ev
from sshsync.model.typed import fits

_WRITTEN = {ev.PlannedChange: "Change", ev.Remarked: "Notice"}
"""Events that journals and readers of ``--json`` know by another word than the code."""

CLASSES: dict[str, type[Any]] = {_WRITTEN.get(cls, cls.__name__): cls for cls in ev.Event.__args__}
"""Every class of event by its written word."""
_TYPES: dict[type[Any], dict[str, Any]] = {cls: get_type_hints(cls) for cls in ev.Event.__args__}
_OUTCOMES = frozenset(str(outcome) for outcome in ev.Outcome)


def to_json(event: ev.Event) -> dict[str, Any]:
    """Return the event as JSON-ready values, its class under ``type``."""
    cls = type(event)
    return {"type": _WRITTEN.get(cls, cls.__name__), **asdict(event)}


def from_json(values: dict[str, Any]) -> ev.Event | None:
    """Return the event that `to_json` wrote; None for one that this version cannot read.

    Raises:
        ValueError: a value is not what `to_json` could have written; the text names it.
    """
    cls = CLASSES.get(values.get("type", ""))
    if cls is None:
        return None
    known = {name: value for name, value in values.items() if name in _TYPES[cls]}
    for name, value in known.items():
        if not fits(value, _TYPES[cls][name]) or (name == "outcome" and value not in _OUTCOMES):
            raise ValueError(f"{values['type']}.{name}")
    if "outcome" in known:
        known["outcome"] = ev.Outcome(known["outcome"])
    try:
        event: ev.Event = cls(**known)
    except TypeError:
        return None
    return event
