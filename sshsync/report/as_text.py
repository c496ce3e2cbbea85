"""The report as rows and lines; whoever prints them chooses colours and widths."""

from collections.abc import Iterable, Sequence

from sshsync.core import limits
from sshsync.model.events import GOOD, Outcome
from sshsync.model.omission import Omission
from sshsync.model.plan import Manner
from sshsync.model.report import RepositoryReport, RunReport
from sshsync.model.words import visible
from sshsync.report import words
from sshsync.report.causes import causes

SHOWN_PROBLEMS = 10
MANY = 5
"""Repositories that ended alike from which on they are one row."""
_NUMBERED = "--max-delete "


def headings(report: RunReport) -> tuple[str, ...]:
    """Return the column headings, in the words for the run's items; those of a dry run tell of the future."""
    said = report.words
    brought, deleted, moved = said.brought, "deleted", "moved"
    if report.dry_run:
        brought, deleted, moved = f"to {said.bring}", "to delete", "to move"
    counts = (said.many, brought, "unchanged", deleted, "failed", moved)
    return ("repository", "outcome", *counts, "time", "in sync as of")


def rows(report: RunReport) -> list[tuple[str, ...]]:
    """Return one row for each repository of the run, in order, under `headings`."""
    return [_row(job, dry=report.dry_run, part=bool(report.narrowed)) for job in report.jobs]


def folded(report: RunReport) -> list[tuple[Outcome, tuple[str, ...]]]:
    """Return rows under `headings` with their outcomes: many repositories of one parent that ended alike are one row.

    Where they differ in a number, it is told from the least to the greatest; of moments the earliest.
    """
    told = list(zip(report.jobs, rows(report), strict=True))
    alike: dict[tuple[str, str, bool], list[tuple[RepositoryReport, tuple[str, ...]]]] = {}
    for job, row in told:
        alike.setdefault(_sort(job, row), []).append((job, row))
    found: list[tuple[Outcome, tuple[str, ...]]] = []
    for job, row in told:
        same = alike[_sort(job, row)]
        if len(same) < MANY:
            found.append((job.outcome, row))
        elif same[0][0] is job:
            found.append((job.outcome, _fold(same, dry=report.dry_run)))
    return found


def _sort(job: RepositoryReport, row: Sequence[str]) -> tuple[str, str, bool]:
    """Return what those have in common that are one row."""
    return job.parent, row[1], job.failed + job.blocked > 0


def _fold(same: Sequence[tuple[RepositoryReport, tuple[str, ...]]], *, dry: bool) -> tuple[str, ...]:
    numbers = [_numbers(job, dry=dry) for job, _ in same]

    def cell(column: int) -> str:
        order = sorted(range(len(same)), key=lambda at: numbers[at][column])
        least, most = (same[order[at]][1][column + 2] for at in (0, -1))
        return least if least == most else f"{least} to {most}"

    oldest = min(same, key=lambda one: one[0].as_of)[1]
    name = f"{words.fitting([job.name for job, _ in same], _NAMES)} (each)"
    return (name, oldest[1], *map(cell, range(len(numbers[0]))), oldest[-1])


_NAMES = 40
"""Characters for the names of repositories in one row."""


def _numbers(job: RepositoryReport, *, dry: bool) -> tuple[float, ...]:
    """Return what stands in the columns between outcome and moment."""
    copied = job.planned_copies if dry else job.copied
    deleted = job.planned_deletions if dry else job.deleted
    moved = job.planned if dry else job.moved
    return job.total, copied, job.unchanged, deleted, job.failed + job.blocked, moved, job.seconds


def details(report: RunReport, most: int = SHOWN_PROBLEMS) -> list[str]:
    """Return what went wrong and what to know, one line each; empty after a quiet run.

    Args:
        report: what the run did.
        most: items that are spelled out for each repository.
    """
    return [*failures(report, most), *notes(report), *omissions(report)]


def notes(report: RunReport) -> list[str]:
    """Return what to know beside what went wrong, one line each."""
    return [f"{job.name}: note: {notice}" for job in report.repositories.values() for notice in job.notices]


def omissions(report: RunReport, *, examples: bool = False) -> list[str]:
    """Return what those that others took from hold and left out, one line each; with an example of each on request."""
    lines = []
    for source in report.sources:
        counts = [_omission(one, examples=examples) for one in source.omitted]
        why = f": {source.only}" if source.only else ""
        lines += [f"{source.name}: {', '.join(counts)} left out{why}"] if counts else []
    return lines


def _omission(one: Omission, *, examples: bool) -> str:
    counted = words.count(one.count, one.one, one.many)
    return f"{counted} ({visible(one.example, 200)})" if examples else counted


def failures(report: RunReport, most: int = SHOWN_PROBLEMS) -> list[str]:
    """Return what went wrong, one line each; see `details`."""
    told = causes(report.repositories)
    lines: list[str] = []
    for job in report.repositories.values():
        lines += told.get(job.name, [])
        for problem in job.problems[:most]:
            lines.append(f"{job.name}: {words.item(problem.name)}: {problem.outcome}: {problem.reason}")
        left = job.failed + job.blocked + job.deferred - most
        if left > 0:
            lines.append(
                f"{job.name}: … and {left} more; all of them: {report.called.command} history {report.run} --json"
            )
    return lines


def headline(report: RunReport, running: str | None = None) -> str:
    """Return the run in one line.

    Args:
        report: what it did.
        running: who is at work now: tells a run without an end that goes on from one that was killed. "" for nobody,
            None when it is not known.
    """
    jobs = report.jobs
    good = sum(1 for job in jobs if job.outcome in GOOD)
    if report.exit_code is None:
        unknown = "did not end: it was killed, or is still running"
        state = unknown if running is None else f"is under way: {running}" if running else "did not end: it was killed"
    elif report.interrupted:
        state = "was interrupted; its state is saved"
        if report.out_of_time:
            state = f"{report.out_of_time}: {good} of {words.count(len(jobs), 'repository', 'repositories')} done"
    elif report.dry_run:
        planned = sum(job.planned_changes for job in jobs)
        state = f"was a dry run: {words.count(planned, 'change')} planned" if good == len(jobs) else "was a dry run"
        state += f", {_looked_at(report)}" if report.narrowed else ""
    elif report.narrowed:
        state = _part(report, good)
    elif good == len(jobs):
        goal = _goal(report.manner)
        state = f"{goal} but for {_left(jobs, report.words.many)}" if _late(jobs) else f"everything is {goal}"
    else:
        state = f"{len(jobs) - good} of {len(jobs)} repositories not {_goal(report.manner)}"
    moved, saved = sum(job.moved for job in jobs), sum(job.saved for job in jobs)
    # It was found on the hosts, or compressed on its way.
    whole = f" instead of {words.size(moved + saved)}" if saved else ""
    span = f" in {words.duration(report.finished - report.started)}" if report.finished else ""
    return f"run {report.run}: {state}; {words.size(moved)} moved{whole}{span}"


def _goal(manner: Manner) -> str:
    """Return what a run brings repositories to."""
    if manner.back:
        return f"as before run {manner.back}"
    return f"like {manner.like}" if manner.like else "in sync"


def _part(report: RunReport, good: int) -> str:
    """Return how a narrowed run ended: whatever it says is about what its patterns name."""
    jobs = report.jobs
    if good < len(jobs):
        bad = f"{len(jobs) - good} of {words.count(len(jobs), 'repository', 'repositories')}"
        return f"{bad} without what was asked for, {_looked_at(report)}"
    return _looked_at(report) + (f"; but for {_left(jobs, report.words.many)}" if _late(jobs) else "")


def _looked_at(report: RunReport) -> str:
    looked = sum(job.looked for job in report.jobs)
    told = words.count(looked, report.words.one, report.words.many)
    where = f" of {len(report.jobs)} repositories" if len(report.jobs) > 1 else ""
    return f"{report.narrowed.words}: {told}{where} looked at, nothing is said of the rest"


def _late(jobs: Iterable[RepositoryReport]) -> bool:
    return any(job.outcome is Outcome.DEFERRED for job in jobs)


def _left(jobs: Iterable[RepositoryReport], items: str) -> str:
    return f"deferred {items}" if any(job.deferred for job in jobs) else "deletions that are left for later"


def circumstances(report: RunReport) -> list[str]:
    """Return where the run was and how it was called, in lines, and the zone of all times that are told of it."""
    called = report.called
    told = (
        ("controller", called.controller),
        ("configuration", called.config),
        ("called as", called.line),
        ("times", words.zone(report.started)),
    )
    return [f"{what}: {visible(value, 1000)}" for what, value in told if value]


def advice(report: RunReport, command: str = "", running: str | None = None) -> str:
    """Return what to do next, "" when there is nothing; `command` is how this sshsync was called, "" as the run was."""
    command = command or report.called.command
    if report.exit_code in (0, 11) or report.dry_run or (report.exit_code is None and running):
        return ""
    if any(job.outcome is Outcome.REFUSED for job in report.jobs):
        allowed = dict.fromkeys(job.allow for job in report.jobs if job.outcome is Outcome.REFUSED and job.allow)
        return " ".join([f"after you looked into the refusal: {command} resume", *_most(allowed)])
    if report.out_of_time:
        now = " --now" if report.out_of_time.startswith(limits.CLOSED) else ""
        return f"it goes on by itself when the same line runs again, or now: {command} resume{now}"
    return f"to go on: {command} resume"


def _most(options: Iterable[str]) -> list[str]:
    """Return options without those that another one holds: of several numbers, the greatest."""
    numbers = [option for option in options if option.startswith(_NUMBERED)]
    greatest = max(numbers, key=lambda option: int(option.removeprefix(_NUMBERED)), default="")
    return [option for option in options if option not in numbers or option == greatest]


def _row(job: RepositoryReport, *, dry: bool, part: bool) -> tuple[str, ...]:
    in_sync = words.moment(job.as_of) if job.outcome in GOOD else "-"
    outcome = str(job.outcome)
    if dry and job.outcome in GOOD:
        outcome = "differs" if job.planned_changes else "alike" if part else "in sync"
        in_sync = "-" if job.planned_changes else in_sync
    if part and job.outcome in GOOD:
        outcome += " (part)"
    total, copied, unchanged, deleted, bad, moved, seconds = _numbers(job, dry=dry)
    failed = str(bad) if not job.deferred else f"{bad} (+{job.deferred} deferred)"
    counts = (str(total), str(copied), str(unchanged), str(deleted), failed)
    return (job.name, outcome, *counts, words.size(moved), words.duration(seconds), in_sync)
