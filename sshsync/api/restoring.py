"""Bringing back what runs put aside: alone with the child, by the run lock and its lease; nothing on record changes."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sshsync.api.work import Work
from sshsync.appliers.looks import Looks
from sshsync.appliers.restore import Restorer
from sshsync.core import kept, naming
from sshsync.engine import holdings
from sshsync.engine.context import Context
from sshsync.engine.lease import Lease
from sshsync.errors import UsageError
from sshsync.kinds.files import Files
from sshsync.kinds.kept import kept as listing
from sshsync.model.events import Event, Published, key_text
from sshsync.model.item import Key, Snapshot
from sshsync.model.kept import Kept, Restored
from sshsync.model.records import Reading
from sshsync.model.row import Digest
from sshsync.model.topology import Repository
from sshsync.state.journal import KEPT_RUNS, Journal
from sshsync.state.lock import Lock


def listed(work: Work, repository: Repository, paths: Sequence[str], run: str) -> list[Kept]:
    """Return what is kept of a repository; see `Visit.kept`."""
    with closing(work.parts.journal()) as journal:
        _, found = _found(work, work.context(Reading(journal), _unheard), repository, run)
        return kept.ordered(_meant(work, repository, found, paths) if paths else found)


def restored(work: Work, repository: Repository, paths: Sequence[str], run: str, wait: float) -> list[Restored]:
    """Bring back what is kept of a repository; see `Visit.restore`."""
    settings = work.parts.config.settings
    lock = Lock(Path(settings.lock_file), settings.called.command, wait, work.stop.sleep)
    with lock, closing(work.parts.journal()) as journal:
        context = work.context(Reading(journal), _unheard)
        root, found = _found(work, context, repository, run)
        wanted = kept.newest(_meant(work, repository, found, paths))
        latest = journal.latest()
        name = naming.between(datetime.now(), max(str(latest["id"]) if latest else "", *(one.run for one in found)))
        with Lease(context, repository, root, patient=False) as lease:
            looks = Looks(context.asking, Files())
            applier = Restorer(context.asking, looks, repository, root=root, lease=lease.token, run=name)
            done = applier.restore(wanted)
        known = _expected(journal, repository, wanted)
        return [replace(one, expected=known.get(one.kept, "")) for one in done]


def _found(work: Work, context: Context, repository: Repository, run: str) -> tuple[bytes, list[Kept]]:
    """Return the resolved root, and what is kept there, of one run where one is named.

    Raises:
        UsageError: nothing can be kept there, or the run put nothing aside.
        SshsyncError: it cannot be listed, or its root is missing.
    """
    if not isinstance(context.kind(repository), Files):
        raise UsageError(f"{repository.name}: only of files something is kept")
    subject = context.asking.subject(repository)
    root, found = context.asking.converse(subject, listing(subject))
    if not root:
        raise holdings.missing(Snapshot(repository.name, repository.path.encode(), {}, existed=False))
    if not run:
        return root, found
    of_it = [one for one in found if one.run.startswith(run)]
    if not of_it:
        raise UsageError(f"nothing of a run {run!r} is kept on {repository.name}", hint=_see(work, repository))
    return root, of_it


def _meant(work: Work, repository: Repository, found: Sequence[Kept], paths: Sequence[str]) -> list[Kept]:
    """Return the versions of what paths name.

    Raises:
        UsageError: nothing of one of them is kept.
    """
    meant: dict[Kept, None] = {}
    for path in paths:
        chosen = kept.chosen(found, os.fsencode(path), _matching(repository, path))
        if not chosen:
            raise UsageError(f"nothing of {path!r} is kept on {repository.name}", hint=_see(work, repository))
        meant |= dict.fromkeys(chosen)
    return list(meant)


def _matching(repository: Repository, path: str) -> Callable[[Key], bool]:
    """Return what tells whether a path matches a key as a pattern; one that is no pattern matches none."""
    try:
        return Files().wanted(replace(repository, include=(path,), exclude=()))
    except ValueError:
        return lambda _key: False


def _see(work: Work, repository: Repository) -> str:
    command = work.parts.config.settings.called.command
    return f"to see what is: {command} restore {repository.name} --list"


def _expected(journal: Journal, repository: Repository, wanted: Sequence[Kept]) -> dict[Kept, Digest]:
    """Return the digests at which versions were published before runs put them aside, as far as they are on record."""
    left = {key_text(one.item.key): one for one in wanted}
    known: dict[Kept, Digest] = {}
    for row in journal.runs(KEPT_RUNS, dry=False):
        if not left:
            break
        for _, event in journal.events(str(row["id"]), Published):
            if isinstance(event, Published) and event.repository == repository.name:
                for name, digest, _ in event.items:
                    if name in left and str(row["id"]) < left[name].run:
                        known[left.pop(name)] = digest
    return known


def _unheard(_event: Event) -> None:
    """Take the events: the caller has the answer."""
