"""The headway of a run in words. It comes out of a file: what is missing or of another form is left out."""

from collections.abc import Mapping
from typing import Any

from sshsync.model.words import visible
from sshsync.report import words

SILENT = 5.0
"""Seconds without a word after which that is told."""


def headline(values: Mapping[str, Any], now: float) -> str:
    """Return how far the whole run is; `now` is the controller's time, in seconds since the epoch."""
    ended, bad = _number(values, "ended") or 0, _number(values, "bad") or 0
    badly = f", {bad:.0f} of them badly" if bad else ""
    silent = now - (_number(values, "at") or 0)
    silence = f"; no word for {words.duration(silent)}" if silent > SILENT else ""
    total = words.count(int(_number(values, "repositories") or 0), "repository", "repositories")
    return f"run {visible(str(values.get('run', '?')), 60)}: {ended:.0f} of {total} ended{badly}{silence}"


def total(values: Mapping[str, Any]) -> str:
    """Return the whole run in a few words: "7 of 20, 31 % of 1.3 GB, 9 min left"."""
    ended, every = _number(values, "ended") or 0, _number(values, "repositories") or 0
    percent, left, bad = _number(values, "percent"), _number(values, "left"), _number(values, "bad")
    told = [
        f"{ended:.0f} of {every:.0f}",
        f"{bad:.0f} badly" if bad else "",
        f"{percent:.0f} % of {words.size(_number(values, 'bytes_planned') or 0)}" if percent is not None else "",
        f"{words.about(left)} left" if left else "",
    ]
    return ", ".join(filter(None, told))


def minute(values: Mapping[str, Any]) -> str:
    """Return the whole run in a line for a log: `total`, and who is at work."""
    found = values.get("underway")
    names = [visible(str(part.get("name", "?")), 100) for part in found] if isinstance(found, list) else []
    return f"under way: {total(values)}{'; at work: ' if names else ''}{words.names(names)}"


def lines(values: Mapping[str, Any]) -> list[str]:
    """Return one line for each repository that is being synchronized."""
    return [f"{row[0]}: {', '.join(cell for cell in row[1:] if cell)}" for row in rows(values)]


def rows(values: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the same in cells: name, share, rate, time left, items; what matters most comes first."""
    found = values.get("underway")
    return [_row(part) for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _row(part: Mapping[str, Any]) -> tuple[str, ...]:
    name = visible(str(part.get("name", "?")), 100)
    percent, planned = _number(part, "percent"), _number(part, "bytes_planned")
    share = (
        f"{percent:.0f} % of {words.size(planned or 0)}"
        if percent is not None
        else visible(str(part.get("doing", "")), 20)
    )
    speed, left, items = _number(part, "rate"), _number(part, "left"), _number(part, "items_planned")
    return (
        name,
        share,
        f"{words.size(speed)}/s" if speed else "",
        f"{words.duration(left)} left" if left is not None else "",
        f"{_number(part, 'items') or 0:.0f} of {items:.0f}" if items else "",
    )


def _number(values: Mapping[str, Any], name: str) -> float | None:
    found = values.get(name)
    return found if isinstance(found, int | float) else None
