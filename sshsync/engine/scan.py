"""Scans: what a repository holds, as its kind finds out; what can be known from records is not read again."""

import math
import threading
from collections.abc import Iterable
from dataclasses import replace

from sshsync.engine.context import Context
from sshsync.errors import ToolMissingError
from sshsync.kinds.base import Subject
from sshsync.model.events import Remarked, Scanned
from sshsync.model.item import Item, Snapshot
from sshsync.model.order import Offer
from sshsync.model.topology import Repository

_RACY_NS = 2_000_000_000
"""A file changed less than this before the scan may change again within the same stamp; it is not cached."""

_WIDEST = 1 << 63
"""What lies beyond this many nanoseconds around 1970 is no number that the records can keep."""


class Scanner:
    """Scans repositories for all jobs of a run that one process carries out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._afresh: dict[str, Snapshot] = {}
        self._locks = {name: threading.Lock() for name in context.tree.repositories}

    def offer(self, repository: Repository) -> Offer:
        """Scan a repository for its children; `as_of` is the controller's time when the scan began.

        Raises:
            SshsyncError: the scan failed.
        """
        as_of = self._context.asking.clock()
        return Offer(self.scan(repository), as_of=as_of)

    def scan(self, repository: Repository, *, create: bool = False, cached: bool = True) -> Snapshot:
        """Return what a repository holds.

        Args:
            repository: what is scanned.
            create: make its root when it is missing.
            cached: digests that are known for the same stamp are taken as they are.

        Raises:
            SshsyncError: the scan failed.
        """
        context = self._context
        as_of, begun = context.asking.clock(), context.asking.monotonic()
        use = repository.digest_cache and cached
        known = context.records.cached(repository, context.maker(repository)) if use else {}
        subject = replace(self._subject(repository), create=create, cached=known)
        found = context.asking.converse(subject, context.kind(repository).scan(subject), self._learn)
        found = replace(found, ended=found.now + math.ceil(context.asking.monotonic() - begun))

        if repository.digest_cache and found.existed:
            context.records.remember(repository, context.maker(repository), _cacheable(found.items.values(), found.now))
        for problem in found.problems:
            words = f"the listing is incomplete, nothing is deleted: {problem.reason}"
            context.emit(Remarked(repository.name, words))
        counts = len(found.items), found.bytes, found.skipped, found.hashed
        context.emit(Scanned(repository.name, *counts, as_of, found.complete))
        return found

    def afresh(self, repository: Repository, known: Snapshot) -> Snapshot:
        """Return a snapshot of a parent whose digests are all made anew, once for all its children here.

        Args:
            repository: the parent; nothing changes it any more in this run.
            known: its snapshot until now; it is returned when no digest in it is out of the cache.
        """
        if not known.from_cache:
            return known
        with self._locks[repository.name]:
            if repository.name not in self._afresh:
                self._afresh[repository.name] = self.scan(repository, cached=False)
            return self._afresh[repository.name]

    def glance(self, repository: Repository) -> Snapshot:
        """Return what a repository holds now, without digests; nothing of it is kept."""
        subject = self._subject(repository)
        return self._context.asking.converse(subject, self._context.kind(repository).glance(subject))

    def _subject(self, repository: Repository) -> Subject:
        """Return what is asked about a repository, of a host that can answer: nothing is begun that cannot be ended.

        Raises:
            ToolMissingError: the host lacks what the kind needs there.
            HostError: it cannot be reached or trusted.
        """
        subject = self._context.asking.subject(repository)
        lacks = self._context.kind(repository).needs(repository, subject.capabilities, subject.algorithm)
        if lacks:
            raise ToolMissingError(lacks, where=repository.host.label)
        return subject

    def _learn(self, subject: Subject, items: tuple[Item, ...]) -> None:
        """Keep digests of a scan that is not over: should it break off, the next one need not read these files."""
        repository = subject.repository
        if repository.digest_cache:
            self._context.records.learn(repository, self._context.maker(repository), _cacheable(items, subject.now))


def _cacheable(items: Iterable[Item], now: int) -> list[Item]:
    limit = now * 1_000_000_000 - _RACY_NS
    return [item for item in items if item.digest and item.stamp.inode and _calm(item, limit)]


def _calm(item: Item, limit: int) -> bool:
    """Tell whether an item's times are old enough, and such that they can be kept."""
    times = item.stamp.ctime_ns, item.stamp.mtime_ns
    return min(times) >= -_WIDEST and max(times) < min(limit, _WIDEST)
