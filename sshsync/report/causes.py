"""What kept repositories from their goal: each cause once, with all that it holds up."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sshsync.model.events import Outcome
from sshsync.model.report import RepositoryReport
from sshsync.report import words

Told = dict[str, list[str]]
"""Lines by the repository behind which they stand."""


def causes(repositories: Mapping[str, RepositoryReport]) -> Told:
    """Return the lines about repositories as a whole, by the first of those that each is about."""
    behind = _behind(repositories)
    told: Told = defaultdict(list)
    reasons: dict[str, str] = {}
    for root, blocked in behind.items():
        reason = next(filter(None, (_reason(repositories[name]) for name in blocked)), "")
        job = repositories.get(root)
        place = told[root if job else blocked[0]]
        # One that failed in this run tells its cause by itself.
        if reason and (job is None or not job.error):
            reasons[root] = reason
            place.append(f"{root}: {reason.removeprefix(f'{root}: ')}")
        place.append(f"blocked behind it: {words.names(blocked)}")
    held_up = {name for blocked in behind.values() for name in blocked}
    own = _own(repositories.values(), held_up, reasons)
    return {name: [*own.get(name, ()), *told.get(name, ())] for name in repositories}


def _behind(repositories: Mapping[str, RepositoryReport]) -> dict[str, list[str]]:
    """Return who is blocked for the only reason that its parent, or one further up, has nothing for it, by that one."""
    blocked = {job.name: job for job in repositories.values() if job.outcome is Outcome.BLOCKED and _is_behind(job)}
    found: dict[str, list[str]] = defaultdict(list)
    for job in blocked.values():
        root = job.parent
        while root in blocked:
            root = blocked[root].parent
        found[root].append(job.name)
    return found


def _is_behind(job: RepositoryReport) -> bool:
    return job.error.startswith((f"its parent {job.parent} was not scanned: ", f"its parent {job.parent} is "))


def _reason(job: RepositoryReport) -> str:
    """Return why the parent was not scanned, "" where that is not what blocks."""
    start = f"its parent {job.parent} was not scanned: "
    return job.error.removeprefix(start) if job.error.startswith(start) else ""


def _own(jobs: Iterable[RepositoryReport], held_up: Collection[str], reasons: Mapping[str, str]) -> Told:
    """Return a line for each thing that one or several ended by, by the first of them.

    Args:
        jobs: all of them.
        held_up: those whose end is told by what holds them up.
        reasons: what is told already of some.
    """
    alike: dict[tuple[str, ...], list[RepositoryReport]] = defaultdict(list)
    for job in jobs:
        if job.unfit and job.unfit not in job.error and job.unfit not in reasons.get(job.name, ""):
            alike["preflight", job.unfit].append(job)
        if job.error and job.name not in held_up:
            # What a repository says of itself begins with its name.
            alike[str(job.outcome), job.error.removeprefix(f"{job.name}: ")].append(job)
    told: Told = defaultdict(list)
    for (what, reason), same in alike.items():
        told[same[0].name].append(f"{words.names([job.name for job in same])}: {what}: {reason}")
    return told
