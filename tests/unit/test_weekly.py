"""When the weekly word is due, in any zone."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sshsync.config import texts
from sshsync.notices import weekly


@contextmanager
def zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def at(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Pacific/Auckland", "America/New_York"])
@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ("2026-11-30 07:00:00", "2026-11-30 07:00:00"),  # a Monday
        ("2026-11-30 06:59:59", "2026-11-23 07:00:00"),
        ("2026-12-06 23:59:59", "2026-11-30 07:00:00"),
        ("2027-01-02 12:00:00", "2026-12-28 07:00:00"),
        ("2026-03-30 08:00:00", "2026-03-30 07:00:00"),  # the day after the clocks went forward in Europe
        ("2026-03-31 08:00:00", "2026-03-30 07:00:00"),
        ("2026-10-26 06:00:00", "2026-10-19 07:00:00"),
    ],
)
def test_the_last_moment_at_which_it_was_due(name: str, now: str, moment: str) -> None:
    with zone(name):
        assert weekly.due(texts.weekly("Mon 07:00"), at(now)) == at(moment)


@pytest.mark.parametrize("text", ["Mon 07:00", "mon 7:00", "Monday 07:00"])
def test_how_it_is_written(text: str) -> None:
    assert texts.weekly(text) == (0, 7, 0)


@pytest.mark.parametrize("text", ["", "07:00", "Mon", "Mon 7", "Mon 07:60", "Mon 24:00", "Mo 07:00", "Mon 07:00 x", "Monster 07:00"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be a day and a time such as Mon 07:00"):
        texts.weekly(text)
