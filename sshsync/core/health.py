"""Is all well: how each repository last ended, seen together, as if it had been in one run."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sshsync.core import fold
from sshsync.model.events import GOOD, Outcome
from sshsync.model.report import RepositoryReport, RunReport
from sshsync.model.status import RepositoryStatus

_EQUAL = (Outcome.DONE, Outcome.UNCHANGED)


def seen(rows: Iterable[RepositoryStatus], now: float, max_age: float | None) -> list[RepositoryStatus]:
    """Return what is on record as somebody sees it who asks whether all is well.

    Args:
        rows: what is on record.
        now: the controller's time, in seconds since the epoch.
        max_age: seconds within which each has to have been in sync; None for whenever.
    """
    return [_seen(row, now, max_age) for row in rows]


def exit_code(rows: Sequence[RepositoryStatus]) -> int:
    """Return the exit code, by the rules of a run in which each repository ended as it last did."""
    jobs = {row.name: _report(row) for row in rows}
    return fold.exit_code(RunReport(stages=[list(jobs)], repositories=jobs))


def _seen(row: RepositoryStatus, now: float, max_age: float | None) -> RepositoryStatus:
    overdue = max_age if max_age is not None and now - row.in_sync > max_age else 0.0
    # Whoever ended well without a moment did so at another place than the configuration names now.
    elsewhere = row.outcome in _EQUAL and not row.in_sync
    return replace(row, outcome="" if elsewhere else row.outcome, overdue=overdue)


def _report(row: RepositoryStatus) -> RepositoryReport:
    """Return a repository's part of that run; one that is overdue has failed, and waiting does not help any more."""
    outcome = Outcome(row.outcome or Outcome.SKIPPED)
    if row.overdue and outcome in GOOD:
        outcome = Outcome.FAILED
    transient = row.transient and not row.overdue
    return RepositoryReport(row.name, outcome=outcome, code=row.code, codes=set(row.codes), transient=transient)
