"""Bringing back what runs put aside: alone with the child, by the run lock and its lease; nothing on record changes."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sshsync.api.work import Work, unheard
from sshsync.appliers.base import Site
from sshsync.core import kept, naming
from sshsync.engine import holdings
from sshsync.engine.lease import Lease
from sshsync.errors import UsageError
from sshsync.model.events import Published, key_text
from sshsync.model.item import Key, Snapshot
from sshsync.model.kept import Kept, Restored
from sshsync.model.records import Reading
from sshsync.model.row import Digest
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.state.journal import KEPT_RUNS, Journal
from sshsync.state.lock import Lock


def listed(work: Work, repository: Repository, paths: Sequence[str], run: str) -> list[Kept]:
    """Return what is kept of a repository; see `Visit.kept`."""
    with closing(work.parts.journal()) as journal:
        aside = _Aside(work, journal, repository, run)
        return kept.ordered(aside.meant(paths) if paths else aside.found)


def restored(work: Work, repository: Repository, paths: Sequence[str], run: str, wait: float) -> list[Restored]:
    """Bring back what is kept of a repository; see `Visit.restore`."""
    settings = work.parts.config.settings
    lock = Lock(Path(settings.lock_file), settings.called.command, wait, work.stop.sleep)
    with lock, closing(work.parts.journal()) as journal:
        aside, log = _Aside(work, journal, repository, run), work.parts.telling.log()
        done = aside.restored(kept.newest(aside.meant(paths)))
    if log:
        for one in done:
            words = {"run": one.kept.run, "repository": repository.name, "item": visible(one.kept.item.key)}
            if one.reason:
                log.warning("not restored", **words, reason=one.reason)
            else:
                log.info("restored", **words, digest=one.digest, aside=one.aside)
    return done


class _Aside:
    """What is put aside on one repository, or what one run put aside there.

    Attributes:
        found: every version, in no order.
    """

    def __init__(self, work: Work, journal: Journal, repository: Repository, run: str) -> None:
        """Have it listed.

        Raises:
            UsageError: nothing can be kept there, or the run put nothing aside.
            SshsyncError: it cannot be listed, or its root is missing.
        """
        self._context = work.context(Reading(journal), unheard)
        self._journal = journal
        self._repository = repository
        self._see = f"to see what is: {work.parts.config.settings.called.command} restore {repository.name} --list"
        listed = self._context.appliers[repository.type].kept(repository)
        if listed is None:
            many = self._context.kind(repository).words.many
            raise UsageError(f"nothing is ever kept on {repository.name}: its items are {many}")
        self._root, every = listed
        if not self._root:
            raise holdings.missing(Snapshot(repository.name, repository.path.encode(), {}, existed=False))
        self._latest = max((one.run for one in every), default="")
        self.found = [one for one in every if one.run.startswith(run)]
        if run and not self.found:
            raise UsageError(f"nothing of a run {run!r} is kept on {repository.name}", hint=self._see)

    def meant(self, paths: Sequence[str]) -> list[Kept]:
        """Return the versions of what paths name.

        Raises:
            UsageError: nothing of one of them is kept.
        """
        meant: dict[Kept, None] = {}
        for path in paths:
            chosen = kept.chosen(self.found, os.fsencode(path), self._matching(path))
            if not chosen:
                raise UsageError(f"nothing of {path!r} is kept on {self._repository.name}", hint=self._see)
            meant |= dict.fromkeys(chosen)
        return list(meant)

    def restored(self, wanted: Sequence[Kept]) -> list[Restored]:
        """Bring back versions of items, each item once."""
        context, repository, root = self._context, self._repository, self._root
        run = self._journal.latest()
        name = naming.between(datetime.now(), max(self._latest, str(run["id"]) if run else ""))
        with Lease(context, repository, root, patient=False) as lease:
            parent = context.tree.parent(repository.name) or repository
            site = Site(parent, repository, root, root, lease.token, keep=name)
            done = context.appliers[repository.type].restore(site, wanted)
        known = self._published(wanted)
        return [replace(one, expected=known.get(one.kept, "")) for one in done]

    def _matching(self, path: str) -> Callable[[Key], bool]:
        """Return what tells whether a path matches a key as a pattern; one that is no pattern matches none."""
        asked = replace(self._repository, include=(path,), exclude=())
        try:
            return self._context.kind(asked).wanted(asked)
        except ValueError:
            return lambda _key: False

    def _published(self, wanted: Sequence[Kept]) -> dict[Kept, Digest]:
        """Return the digests at which versions were published before they were put aside, as far as is on record."""
        left = {key_text(one.item.key): one for one in wanted}
        known: dict[Kept, Digest] = {}
        for row in self._journal.runs(KEPT_RUNS, dry=False):
            run = str(row["id"])
            for _, event in self._journal.events(run, Published) if left else ():
                if isinstance(event, Published) and event.repository == self._repository.name:
                    for name, digest, _ in event.items:
                        if name in left and run < left[name].run:
                            known[left.pop(name)] = digest
        return known
