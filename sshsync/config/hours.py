"""Hours and days, as a file says them."""

import re

from sshsync.model.hours import DAY, DAYS, Hours, Times

_ONE = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))?)?\s*(?:(?P<start>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2}))?"
)
_WORDS = "must be hours such as 22:00-06:00, with days before them if need be: Mon-Fri 22:00-06:00, Sat-Sun"


def times(value: object) -> object:
    """Return when runs may be under way.

    Raises:
        ValueError: the words make no sense; they say why.
    """
    if not isinstance(value, str):
        return value
    found = []
    for text in value.split(","):
        one = _ONE.fullmatch(text.strip())
        if not one or not text.strip():
            raise ValueError(_WORDS)
        found.append(Hours(days(one["first"], one["last"]), *hours(one["start"], one["end"])))
    return Times(tuple(found))


def days(first: str | None, last: str | None) -> tuple[int, ...]:
    """Return the days of the week from one to another, which may be past Sunday."""
    if first is None:
        return tuple(range(len(DAYS)))
    begin, end = _day(first), _day(last or first)
    return tuple((begin + step) % len(DAYS) for step in range((end - begin) % len(DAYS) + 1))


def hours(start: str | None, end: str | None) -> tuple[int, int]:
    """Return the minutes of the day at which hours begin and end; a whole day where they are not named."""
    if start is None or end is None:
        return 0, DAY
    begin, upto = _minute(start), _minute(end)
    if begin == DAY:
        raise ValueError(f"{start} is the end of a day: write 00:00 where hours begin")
    if begin == upto:
        raise ValueError(f"{start}-{end} is no time: it ends when it begins (a whole day is 00:00-24:00)")
    return begin, upto


def _day(name: str) -> int:
    if name.capitalize() not in DAYS:
        raise ValueError(f"{name!r} is no day: it is one of {', '.join(DAYS)}")
    return DAYS.index(name.capitalize())


def _minute(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > DAY:
        raise ValueError(f"{text} is no time of a day")
    return hour * 60 + minute
