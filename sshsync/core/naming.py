"""Names of runs: they grow from one run to the next, so whoever sorts them has the runs in their order."""

from contextlib import suppress
from datetime import datetime, timedelta

FORM = "%Y%m%d-%H%M%S"
"""How a name begins: the local time at which the run began."""

_BACK = timedelta(hours=2)
"""So far a clock is set back in an ordinary year. A name that is further ahead was given by a clock that was wrong."""


def run_id(now: datetime, tail: str, latest: str = "") -> str:
    """Return a name for a run.

    Args:
        now: the local time.
        tail: four hexadecimal digits that tell runs of one second apart.
        latest: the name of the run before; "" for none. The new one sorts behind it, also where the clock was set back.
    """
    made = f"{now:{FORM}}-{tail}"
    if made > latest:
        return made
    begun, _, last = latest.rpartition("-")
    with suppress(ValueError):
        if datetime.strptime(begun, FORM) - now <= _BACK:
            number = int(last, 16) + 1
            return f"{begun}-{number:04x}" if number <= 0xFFFF else f"{latest}{tail}"
    return made


def between(now: datetime, latest: str) -> str:
    """Return a name that sorts behind the latest run, and before every run to come, for what is no run.

    Args:
        now: the local time.
        latest: the latest name that was given; "" for none.
    """
    made = f"{now:{FORM}}-0000"
    return made if made > latest else f"{latest}0"
