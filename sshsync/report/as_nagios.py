"""How repositories are, as a plugin of Nagios and its kin tells it: one line with performance data, and a code."""

from collections.abc import Sequence

from sshsync.core import health
from sshsync.model.status import RepositoryStatus
from sshsync.model.words import visible
from sshsync.report import as_status

TEMPORARY = 75
UNKNOWN = 3
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_SHOWN = 3
"""Repositories that are told of by name; the line has to fit into 1024 bytes, which is what old NRPE carries."""


def line(rows: Sequence[RepositoryStatus], now: float, max_age: float | None) -> tuple[str, int]:
    """Return the line and its code: OK, WARNING for what is only temporary, CRITICAL, UNKNOWN before the first run.

    Args:
        rows: the repositories, as `health.seen` sees them.
        now: the controller's time, in seconds since the epoch.
        max_age: seconds within which each has to have been in sync; None for whenever.
    """
    code = _code(rows)
    bad = [row for row in rows if not row.ok]
    told = [f"{row.name}: {_reason(row)}" for row in bad[:_SHOWN]]
    more = [f"and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    text = "no run is on record yet" if code == UNKNOWN else "; ".join([as_status.headline(rows), *told, *more])
    return f"SSHSYNC {_WORDS[code]} - {_plain(text, 700)} | {_performance(rows, now, max_age)}", code


def unknown(reason: str) -> tuple[str, int]:
    """Return the line and its code where it cannot be told how the repositories are."""
    return f"SSHSYNC UNKNOWN - {_plain(reason, 900)}", UNKNOWN


def _code(rows: Sequence[RepositoryStatus]) -> int:
    if rows and not any(row.outcome for row in rows):
        return UNKNOWN
    code = health.exit_code(rows)
    return {0: 0, TEMPORARY: 1}.get(code, 2)


def _reason(row: RepositoryStatus) -> str:
    (words,) = as_status.lines([row], None)[:1]
    return visible(words.removeprefix(f"{row.name}: "), 180)


def _performance(rows: Sequence[RepositoryStatus], now: float, max_age: float | None) -> str:
    """Return how many there are, how many are not in sync, and for how long the one that waits longest was not."""
    bad = sum(not row.ok for row in rows)
    never = not rows or any(not row.in_sync for row in rows)
    oldest = "U" if never else f"{max(0, *(int(now - row.in_sync) for row in rows))}s"
    limit = f"{max_age:.0f}" if max_age is not None else ""
    return f"repositories={len(rows)} bad={bad};;0;0;{len(rows)} oldest={oldest};;{limit};0"


def _plain(text: str, most: int) -> str:
    """Return text without what the line's reader takes for something else."""
    return visible(text, most).replace("|", "/")
