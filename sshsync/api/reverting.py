"""The way back: what runs changed on a repository becomes again what it was, as a link whose parent is the record."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from sshsync.api.work import Parts, Work, unheard
from sshsync.config.types import USUAL
from sshsync.core import planner, reverting
from sshsync.engine.scan import Scanner
from sshsync.errors import UsageError
from sshsync.model.events import Before
from sshsync.model.item import Snapshot
from sshsync.model.order import Offer
from sshsync.model.plan import Manner
from sshsync.model.policy import MaxDelete
from sshsync.model.records import Reading
from sshsync.model.topology import Repository, Tree
from sshsync.state.journal import KEPT_RUNS, Journal

LAST = "last"
"""The last run that changed a repository."""


@dataclass(frozen=True, slots=True)
class Reverting:
    """A run that may go back.

    Attributes:
        parts: what it is made of: what each repository was is its parent.
        manner: how to go about it, with the run in full.
        offers: what these parents offer, by their names.
    """

    parts: Parts
    manner: Manner
    offers: Mapping[str, Offer] = field(default_factory=dict)


def reverted(work: Work, stages: Sequence[Sequence[str]], manner: Manner) -> Reverting:
    """Prepare a run that goes back to before another one.

    Raises:
        UnknownRepositoryError: no such repository.
        UsageError: no such run is on record, or it changed nothing on a repository of which that is told.
        SshsyncError: a repository could not be scanned.
    """
    parts = work.parts
    tree = parts.config.tree
    names = [name for names in stages for name in names]
    repositories = [planner.known(tree, name) for name in names]
    for one in repositories:
        if one.type == USUAL:
            hint = "sshsync restore brings back files that were put aside"
            raise UsageError(f"{one.name} is of type {USUAL}: only packages are taken back", hint=hint)
    offers: dict[str, Offer] = {}
    with closing(parts.journal()) as journal:
        run = _run(journal, repositories, manner.back)
        made = dict(planner.reverted(tree, stages, run).repositories)
        scanner = Scanner(work.context(Reading(journal), unheard))
        for child in repositories:
            past = reverting.past(_told(journal, child, run))
            if not past.left:
                hint = "name a run that did: see sshsync history"
                raise UsageError(f"run {run} changed nothing on {child.name} that can be taken back", hint=hint)
            seen = scanner.scan(child)
            items, changed = reverting.wanted(past, seen.items, force=manner.force)
            gone = len([key for key in past.left if key not in items])
            own = tuple(key.decode("utf-8", "surrogateescape") for key in past.left)
            limit = MaxDelete(gone, 100.0)
            link = made[child.name]
            made[child.name] = replace(link, include=own, exclude=(), delete=True, max_delete=limit)
            offers[link.parent] = Offer(Snapshot(link.parent, seen.root, items, damaged=changed))
    found = replace(parts, config=replace(parts.config, tree=Tree(made)))
    return Reverting(found, replace(manner, back=run), offers)


def _run(journal: Journal, repositories: Sequence[Repository], asked: str) -> str:
    """Return the id of a run by its beginning, or of the last one that changed one of the repositories."""
    runs = [str(row["id"]) for row in journal.runs(KEPT_RUNS, dry=False)]
    if asked == LAST:
        found = next((run for run in runs if any(_of_run(journal, one, run) for one in repositories)), "")
        if not found:
            many = ", ".join(one.name for one in repositories)
            words = f"no run on record changed anything on {many} that can be taken back"
            raise UsageError(words, hint="sshsync history")
        return found
    named = [asked] if asked in runs else [run for run in runs if run.startswith(asked)]
    if not named:
        raise UsageError(f"no run {asked!r} is on record", hint="sshsync history shows them")
    if len(named) > 1:
        some = ", ".join(named[:2])
        raise UsageError(f"{asked!r} is the beginning of {len(named)} runs: {some}", hint="name one of them")
    return named[0]


def _told(journal: Journal, repository: Repository, run: str) -> list[Before]:
    """Return what a run and all later ones told before they changed a repository, in order."""
    later = [str(row["id"]) for row in journal.runs(KEPT_RUNS, dry=False) if str(row["id"]) >= run]
    return [event for one in reversed(later) for event in _of_run(journal, repository, one)]


def _of_run(journal: Journal, repository: Repository, run: str) -> list[Before]:
    asked = (repository.name, repository.identity)
    told = (event for _, event in journal.events(run, Before))
    return [event for event in told if isinstance(event, Before) and (event.repository, event.place) == asked]
