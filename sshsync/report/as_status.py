"""How repositories are, in lines."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sshsync.model.events import GOOD
from sshsync.model.report import RunReport
from sshsync.model.status import RepositoryStatus
from sshsync.report import words
from sshsync.report.as_text import MANY


def lines(rows: Iterable[RepositoryStatus], report: RunReport | None) -> list[str]:
    """Return a line for each repository and for each item of which a part has arrived; one for many that are alike.

    Args:
        rows: the repositories.
        report: the last run, whose failures are told elsewhere; None for none.
    """
    told: list[str] = []
    states = [(row, _state(row, report)) for row in rows]
    alike: dict[str, list[str]] = defaultdict(list)
    for row, state in states:
        if not row.arriving:
            alike[state].append(row.name)
    for row, state in states:
        same = [row.name] if row.arriving else alike[state]
        if len(same) < MANY:
            told.append(f"{row.name}: {state}")
        elif same[0] == row.name:
            told.append(f"{words.names(same)}: {state}")
        told += [
            f"{row.name}: {words.item(one.name)} {words.size(one.there)} of {words.size(one.size)} is there"
            for one in row.arriving
        ]
    return told


def headline(rows: Sequence[RepositoryStatus]) -> str:
    """Return all of it in a few words."""
    bad = [row for row in rows if not row.ok]
    if bad:
        return f"{len(bad)} of {words.count(len(rows), 'repository', 'repositories')} not in sync"
    if not rows:
        return "no repository has a parent"
    # Whatever waits for its master to be at rest may never have been in sync.
    since = min(row.in_sync for row in rows)
    of = f" as of {words.moment(since)}" if since else ""
    return f"{words.count(len(rows), 'repository', 'repositories')} in sync{of}"


def _state(row: RepositoryStatus, report: RunReport | None) -> str:
    state = f"in sync as of {words.moment(row.in_sync)}" if row.in_sync else "never in sync"
    if row.run and not (row.in_sync or row.outcome):
        state = f"not in sync: run {row.run} made it something else, or the configuration named another place then"
    if row.overdue and row.in_sync:
        state += f"; longer ago than {words.span(row.overdue)}"
    if row.outcome and row.outcome not in GOOD:
        told = report is not None and row.run == report.run and report.exit_code is not None
        state += f"; last run: {row.outcome}" + (f": {row.error}" if row.error and not told else "")
    return state
