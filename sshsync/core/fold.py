"""Events become a report, and a report an exit code."""

from collections.abc import Callable, Iterable
from typing import Any

from sshsync.model import events as ev
from sshsync.model.called import Called
from sshsync.model.events import GOOD, Outcome
from sshsync.model.narrow import Narrow
from sshsync.model.omission import Omission
from sshsync.model.plan import Manner
from sshsync.model.report import ItemProblem, RepositoryReport, RunReport
from sshsync.model.words import Words

MOST_PROBLEMS = 1000
"""Problems that a report spells out for each repository, and the first of each code beyond; the counts stay exact."""


def fold(events: Iterable[ev.Event]) -> RunReport:
    """Return the report of the run that the events tell of.

    The same function serves the live run, `history` and `status`: what it needs is in the events.
    """
    report = RunReport()
    for event in events:
        apply(report, event)
    return report


def apply(report: RunReport, event: ev.Event) -> None:
    """Add one event to the report."""
    if isinstance(event, ev.RunStarted):
        _run_started(report, event)
    elif isinstance(event, ev.RunFinished):
        report.finished = event.at
        report.outcome = event.outcome
        report.exit_code = event.exit_code
        report.interrupted = event.interrupted
        report.out_of_time = event.out_of_time
    else:
        entry = report.repositories.setdefault(event.repository, RepositoryReport(event.repository))
        handler = _HANDLERS.get(type(event))
        if handler:
            handler(entry, event)


def exit_code(report: RunReport, *, signal: int = 0, out_of_time: bool = False) -> int:
    """Return the exit code; the first rule that applies decides (see docs/design.md, exit codes).

    Args:
        report: what the run did.
        signal: the number of the one that ended it, 0 for none.
        out_of_time: it ended before it was through: what it did not come to may be tried again.
    """
    if signal:
        return 128 + signal
    jobs = report.jobs
    bad = [job for job in jobs if job.outcome not in GOOD]
    codes = {job.code for job in jobs}.union(*(job.codes for job in jobs))
    for code in (5, 10, 9, 8):
        if code in codes:
            return code
    if bad and all(job.transient or (out_of_time and job.outcome is Outcome.SKIPPED) for job in bad):
        return 75
    if bad:
        reached = any(job.outcome in GOOD or job.outcome is Outcome.PARTIAL for job in jobs)
        return 7 if reached else 6
    if report.dry_run and any(job.planned_changes for job in jobs):
        return 11
    return 0


def outcome(report: RunReport) -> Outcome:
    """Return the outcome of the whole run."""
    outcomes = {job.outcome for job in report.jobs}
    if outcomes <= GOOD:
        return Outcome.DONE if Outcome.DONE in outcomes else Outcome.UNCHANGED
    return Outcome.PARTIAL if outcomes & (GOOD | {Outcome.PARTIAL}) else Outcome.FAILED


def totals(report: RunReport) -> dict[str, int]:
    """Return what a run did, by the names of the fields of `RunFinished`."""
    jobs = report.jobs
    return {
        "good": sum(job.outcome in GOOD for job in jobs),
        "brought": sum(job.copied for job in jobs),
        "deleted": sum(job.deleted for job in jobs),
        "failed": sum(job.failed + job.blocked for job in jobs),
        "moved": sum(job.moved for job in jobs),
    }


def manner(event: ev.RunStarted) -> Manner:
    """Return how a run goes about its stages."""
    narrowed = Narrow(tuple(event.include), tuple(event.exclude))
    return Manner(narrowed, event.like, event.halt, event.back, event.force)


def _run_started(report: RunReport, event: ev.RunStarted) -> None:
    report.run = event.run
    report.called = Called(event.command or report.called.command, event.line, event.config, event.controller)
    report.stages = [list(stage) for stage in event.stages]
    report.dry_run = event.dry_run
    report.manner = manner(event)
    report.continued += event.continued
    report.started = report.started or event.at
    report.outcome, report.exit_code, report.interrupted, report.out_of_time = "", None, False, ""
    for entry in report.repositories.values():
        entry.unfit = ""
        entry.notices.clear()
    for stage in event.stages:
        for name in stage:
            report.repositories.setdefault(name, RepositoryReport(name))


def _started(entry: RepositoryReport, event: ev.RepositoryStarted) -> None:
    entry.parent = event.parent
    entry.words = Words(event.one, event.many, event.bring, event.brought)
    entry.started = True
    entry.outcome = Outcome.SKIPPED
    entry.failed = entry.deferred = entry.blocked = entry.code = 0
    entry.error, entry.allow, entry.transient = "", "", False
    entry.problems.clear()
    entry.codes.clear()


def _scanned(entry: RepositoryReport, event: ev.Scanned) -> None:
    entry.total = event.items
    entry.skipped = event.skipped
    entry.omitted = [Omission(one, many, count, name) for name, count, one, many in event.omitted]
    entry.only = event.only


def _planned(entry: RepositoryReport, event: ev.Planned) -> None:
    # In a continued run, what was copied before the interruption is found unchanged now.
    entry.unchanged = max(0, event.unchanged - entry.copied)
    entry.planned = event.bytes
    entry.kept = event.kept
    entry.looked = event.copy + event.replace + event.unchanged + event.delete
    entry.planned_copies = event.copy + event.replace
    entry.planned_deletions = event.delete
    entry.planned_changes = event.copy + event.replace + event.adjust + event.delete + event.empties + event.links


def _published(entry: RepositoryReport, event: ev.Published) -> None:
    entry.copied += len(event.items)
    entry.moved += event.bytes
    entry.salvaged += len(event.items) if event.salvaged else 0


def _resent(entry: RepositoryReport, event: ev.Resent) -> None:
    entry.resent += event.bytes


def _saved(entry: RepositoryReport, event: ev.Saved) -> None:
    entry.saved += event.bytes


def _shared(entry: RepositoryReport, event: ev.Shared) -> None:
    entry.shared += event.bytes


def _adjusted(entry: RepositoryReport, event: ev.Adjusted) -> None:
    entry.adjusted += len(event.names)


def _deleted(entry: RepositoryReport, event: ev.Deleted) -> None:
    entry.deleted += len(event.names)


def _item_failed(entry: RepositoryReport, event: ev.ItemFailed) -> None:
    if event.outcome == Outcome.DEFERRED:
        entry.deferred += 1
    elif event.outcome == Outcome.BLOCKED:
        entry.blocked += 1
    else:
        entry.failed += 1
    if len(entry.problems) < MOST_PROBLEMS or event.code not in entry.codes:
        entry.problems.append(ItemProblem(event.name, event.reason, Outcome(event.outcome), event.code))
    entry.codes.add(event.code)


def _retried(entry: RepositoryReport, event: ev.Retried) -> None:
    del event
    entry.retries += 1


def _notice(entry: RepositoryReport, event: ev.Remarked) -> None:
    if event.text not in entry.notices:
        entry.notices.append(event.text)


def _unfit(entry: RepositoryReport, event: ev.Unfit) -> None:
    entry.unfit = event.reason


def _refused(entry: RepositoryReport, event: ev.Refused) -> None:
    entry.allow = event.option


def _finished(entry: RepositoryReport, event: ev.RepositoryFinished) -> None:
    entry.outcome = Outcome(event.outcome)
    entry.seconds += event.seconds
    entry.as_of = event.as_of
    entry.error = event.error
    entry.code = event.code
    entry.transient = event.transient
    entry.total = event.items or entry.total


_HANDLERS: dict[type, Callable[[RepositoryReport, Any], None]] = {
    ev.RepositoryStarted: _started,
    ev.Scanned: _scanned,
    ev.Planned: _planned,
    ev.Published: _published,
    ev.Resent: _resent,
    ev.Saved: _saved,
    ev.Shared: _shared,
    ev.Adjusted: _adjusted,
    ev.Deleted: _deleted,
    ev.ItemFailed: _item_failed,
    ev.Retried: _retried,
    ev.Remarked: _notice,
    ev.Unfit: _unfit,
    ev.Refused: _refused,
    ev.RepositoryFinished: _finished,
}
