"""Rates and the hours in which they hold, as a file says them."""

import re

from sshsync.config.hours import days, hours
from sshsync.model.bandwidth import Bandwidth, Window

LEAST_RATE = 10_000
"""Bytes a second below which deadlines would strike."""

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)")
_TIMED = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))?\s+)?"
    r"(?:(?P<start>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2})\s+)?(?P<rate>\S.*)"
)
_WORDS = "must be bytes a second such as 500k, 2M or 1G, at least 10k, or 0 for no limit"
_HOURS = "with hours it is such as 08:00-18:00 2M, 50M or Mon-Fri 08:00-18:00 2M"


def bandwidth(value: object) -> object:
    """Return what a link may use at what time.

    Raises:
        ValueError: the words make no sense; they say why.
    """
    if not isinstance(value, str):
        return value
    windows: list[Window] = []
    rates: list[float] = []
    for text in value.split(","):
        found = _TIMED.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{_WORDS}; {_HOURS}")
        rate = _rate(found["rate"])
        if found["first"] or found["start"]:
            windows.append(Window(rate, days(found["first"], found["last"]), *hours(found["start"], found["end"])))
        else:
            rates.append(rate)
    if len(rates) > 1:
        raise ValueError(f"has {len(rates)} rates without hours: which of them holds outside of all hours?")
    return Bandwidth(rates[0] if rates else 0.0, tuple(windows))


def _rate(text: str) -> float:
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) * _UNITS[found[2].lower()] if found else 0.0
    if not found or 0 < rate < LEAST_RATE:
        raise ValueError(f"{_WORDS}; {_HOURS}")
    return rate
