"""How repositories are, out of the journal: no host is asked."""

from collections import defaultdict
from collections.abc import Iterable

from sshsync.core import fold
from sshsync.model import events as ev
from sshsync.model.events import GOOD, Outcome, key_text
from sshsync.model.report import RepositoryReport
from sshsync.model.status import Arriving, RepositoryStatus
from sshsync.model.topology import Repository
from sshsync.state.journal import Journal

KILLED = "the run was killed"


def standing(journal: Journal, repositories: Iterable[Repository], running: str | None) -> list[RepositoryStatus]:
    """Return for each repository when it was in sync last, how it ended last, and what of it arrives.

    Args:
        journal: what is on record.
        repositories: whom it is asked about; each has a parent.
        running: who is at work now, "" for nobody, None where that is not known.
    """
    asked = {found.name: found for found in repositories}
    in_sync = journal.moments(list(asked.values()))
    rows = {name: RepositoryStatus(name, moment) for name, moment in in_sync.items()}
    for name, (run, end) in journal.ends(asked).items():
        row = rows[name]
        row.run, row.outcome, row.error = run, end.outcome, end.error
        row.code, row.transient = end.code, end.transient
    _add_codes(journal, rows)
    if running == "":
        _add_killed(journal, rows)
    for name, row in rows.items():
        row.arriving = [Arriving(key_text(one.key), one.size, one.sent) for one in journal.underway(asked[name])]
    return list(rows.values())


def _add_codes(journal: Journal, rows: dict[str, RepositoryStatus]) -> None:
    """Add the codes of the items that did not reach their goal."""
    runs: dict[str, dict[str, set[int]]] = defaultdict(dict)
    for row in rows.values():
        if row.outcome and row.outcome not in GOOD:
            runs[row.run][row.name] = set()
    for run, found in runs.items():
        for _, event in journal.events(run, ev.ItemFailed):
            if isinstance(event, ev.ItemFailed) and event.repository in found:
                found[event.repository].add(event.code)
        for name, codes in found.items():
            rows[name].codes = tuple(sorted(codes))


def _add_killed(journal: Journal, rows: dict[str, RepositoryStatus]) -> None:
    """Tell of those that a run was at work on when it was killed: how they ended before says nothing any more."""
    latest = journal.latest()
    if latest is None or latest["finished"] is not None:
        return
    run = str(latest["id"])
    if journal.narrowed(run):
        return
    report = fold.fold(event for _, event in journal.events(run))
    for name, job in report.repositories.items():
        if name in rows and _is_broken_off(job):
            row = rows[name]
            row.run, row.outcome, row.error = run, Outcome.SKIPPED, KILLED
            row.code, row.codes, row.transient = 0, (), False


def _is_broken_off(job: RepositoryReport) -> bool:
    return job.started and job.outcome is Outcome.SKIPPED
