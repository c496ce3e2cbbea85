"""Numbers, times and items in words."""

import string
import time
from collections.abc import Sequence

from sshsync.model.words import visible

_NO_DIGITS = string.ascii_letters + "._-"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Return a number of bytes for people (powers of 1000)."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return ""


def duration(seconds: float) -> str:
    """Return a span of time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def about(seconds: float) -> str:
    """Return a span of time as one would say it of what is still to come."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def span(seconds: float) -> str:
    """Return a span of time as somebody would write it: the biggest unit in which it is a whole number."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit and not seconds % unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:g} s"


def moment(at: float) -> str:
    """Return a time of the controller's clock, in its own zone; "-" for none."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "-"


def zone(at: float) -> str:
    """Return the controller's own time zone as it is at a time of its clock."""
    name, ahead = time.strftime("%Z %z", time.localtime(at)).rsplit(" ", 1)
    return f"{name} (UTC{ahead[:3]}:{ahead[3:]})"


def item(name: str) -> str:
    """Return an item's name fit for any terminal."""
    return visible(name, 200)


def names(found: Sequence[str]) -> str:
    """Return names with commas between them; numbers in a row become a range, as the command line takes it."""
    told: list[tuple[str, str]] = []
    for name in found:
        begin, end = told[-1] if told else ("", "")
        if end and name == _after(end):
            told[-1] = begin, name
        else:
            told.append((name, name))
    return ", ".join(begin if begin == end else _range(begin, end) for begin, end in told)


def fitting(found: Sequence[str], width: int) -> str:
    """Return names with ranges, as many as fit, and how many there are beside."""
    whole = names(found)
    if len(whole) <= width:
        return whole
    others = " and others"
    shown = whole[: max(0, width - len(others) + len(", "))].rpartition(", ")[0]
    return shown + others if shown else f"{len(found)} repositories"


def _after(name: str) -> str:
    """Return the name with the next number, "" where it has none."""
    stem, number, rest = _split(name)
    return f"{stem}{int(number) + 1:0{len(number)}}{rest}" if number else ""


def _range(begin: str, end: str) -> str:
    stem, first, rest = _split(begin)
    return f"{stem}[{first}-{_split(end)[1]}]{rest}"


def _split(name: str) -> tuple[str, str, str]:
    """Return what stands before the last number of a name, that number, and what stands behind it."""
    head = name.rstrip(_NO_DIGITS)
    stem = head.rstrip("0123456789")
    return (stem, head[len(stem) :], name[len(head) :]) if head else (name, "", "")


def count(number: int, one: str, many: str = "") -> str:
    """Return "1 change", "2 changes"; `many` where an "s" does not make it."""
    return f"{number} {one if number == 1 else many or one + 's'}"
