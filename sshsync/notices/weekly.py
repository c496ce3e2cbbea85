"""The mail about a week: when it is due, and when the last one went."""

import json
import time
from contextlib import suppress
from pathlib import Path

from sshsync.notices.files import replaced

WEEK = 7 * 86400.0
NAME = "weekly.json"


def due(weekly: tuple[int, int, int], now: float) -> float:
    """Return the last moment at which one was due, by the controller's clock in its own zone.

    Args:
        weekly: day (0 for Monday), hour and minute.
        now: seconds since the epoch.
    """
    day, hour, minute = weekly
    here = time.localtime(now)
    back = (here.tm_wday - day) % 7
    moment = _moment(here, back, hour, minute)
    return moment if moment <= now else _moment(here, back + 7, hour, minute)


def sent(state_dir: Path) -> float:
    """Return when the last one went; 0 for never, or where that cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads((state_dir / NAME).read_text())["sent"])
    return 0.0


def keep(state_dir: Path, at: float) -> None:
    """Note that one went.

    Raises:
        OSError: it cannot be written.
    """
    replaced(state_dir / NAME, json.dumps({"sent": at}) + "\n")


def _moment(here: time.struct_time, back: int, hour: int, minute: int) -> float:
    """Return a time of the day `back` days ago; whether summer time held then is for the system to know."""
    return time.mktime((here.tm_year, here.tm_mon, here.tm_mday - back, hour, minute, 0, 0, 0, -1))
