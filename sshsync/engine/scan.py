"""Scans: what a repository holds, as its kind finds out; what can be known from records is not read again."""

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

from sshsync.core import verify
from sshsync.engine import sights
from sshsync.engine.context import Context
from sshsync.errors import ToolMissingError
from sshsync.kinds.base import Learned, Subject
from sshsync.model.events import Remarked, Scanned
from sshsync.model.item import Item, Items, Key, Sealed, Snapshot
from sshsync.model.order import Offer
from sshsync.model.policy import Links
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.model.words import visible

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

    def scan(
        self, repository: Repository, *, create: bool = False, cached: bool = True, settled: bool = False
    ) -> Snapshot:
        """Return what a repository holds.

        Args:
            repository: what is scanned.
            create: make its root when it is missing.
            cached: digests that are known for the same stamp are taken as they are.
            settled: wait until what an earlier run left at work there has ended.

        Raises:
            SshsyncError: the scan failed.
        """
        context = self._context
        as_of, begun = context.asking.clock(), context.asking.monotonic()
        known = _Known(context, repository)
        subject = replace(self._subject(repository), create=create, settled=settled)
        if repository.digest_cache and cached:
            # Of a listing that nobody reads nobody knows what of it takes part in a part of a run.
            sight = None if repository.narrowed else sights.sight(context, repository)
            subject = replace(subject, cached=known.told, known=sight)
        found = self._found(known, subject)
        found = replace(found, ended=found.now + math.ceil(context.asking.monotonic() - begun))

        counts = len(found.items), found.bytes, found.skipped, found.hashed
        omitted = [(one.example, one.count, one.one, one.many) for one in found.omitted]
        only = context.kind(repository).place.only
        context.emit(Scanned(repository.name, *counts, as_of, found.complete, omitted, only))
        return found

    def opened(self, repository: Repository, found: Snapshot) -> Snapshot:
        """Return a snapshot with its items, for who needs some of them; mostly it has them. It is opened once for all.

        Raises:
            SshsyncError: a digest that was on record is not any more, and could not be made.
        """
        if not isinstance(found.items, Sealed):
            return found
        with self._locks[repository.name]:
            if found.items.opened is None:
                known = _Known(self._context, repository)
                subject = replace(self._subject(repository), now=found.now, cached=known.told, sealed=found)
                found.items.opened = self._found(known, subject)
            opened = found.items.opened
            return replace(opened, complete=opened.complete and found.complete)

    def _found(self, known: "_Known", subject: Subject) -> Snapshot:
        context, repository = self._context, subject.repository
        found = context.asking.converse(subject, context.kind(repository).scan(subject), known.learn)
        if isinstance(found.items, Sealed):
            return found
        if repository.digest_cache and found.existed:
            known.tidy(found)
        if words := known.surprise(found):
            context.emit(Remarked(repository.name, words))
        if found.problems:
            context.emit(Remarked(repository.name, f"the listing is incomplete, nothing is deleted: {_first(found)}"))
        return known.sighted(found)

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

    def afterwards(self, repository: Repository, held: Snapshot) -> Snapshot:
        """Return what a repository holds after a link changed something there.

        Args:
            held: what is known of it: of its own links it tells where they led before.

        Raises:
            SshsyncError: the scan failed.
        """
        if not held.followed and not held.astray:
            return held
        # It is no turn of `verify_share`, and no other scan for the report.
        calm = replace(repository, verify_share=0.0)
        known = _Known(self._context, calm)
        found = self._found(known, replace(self._subject(calm), cached=known.told))
        return replace(found, complete=found.complete and held.complete)

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
        takers = sights.takers(self._context.tree, repository)
        own = [repository] if repository.parent or not takers else []
        reaches = [self._context.reaches(one) for one in (*takers, *own)]
        subject = replace(subject, reaches=lambda key: any(reach(key) for reach in reaches))
        if repository.narrowed:
            wants = [self._context.wanted(one) for one in (*takers, *own)]
            subject = replace(subject, digested=lambda key: any(want(key) for want in wants))
        asked = (repository, *takers)
        links = bool(subject.capabilities.leads) and any(one.links is Links.COPY for one in asked)
        subject = replace(subject, directories=any(one.empty_dirs for one in asked), links=links)
        if not takers:
            return replace(subject, leaves=lambda _key: not links)
        wanted = [(self._context.wanted(child), child.empty_dirs) for child in takers]
        leaving = [
            wants
            for (wants, _), one in zip(wanted, takers, strict=True)
            if one.links is Links.SKIP or (one.links is Links.COPY and not links)
        ]
        return replace(
            subject,
            wanted=lambda key: any(wants(key) for wants, _ in wanted),
            leaves=lambda key: any(wants(key) for wants in leaving),
            spares=lambda key: any(wants(key) for wants, takes in wanted if not takes),
        )

    def keep(self, repository: Repository, items: Iterable[Item]) -> None:
        """Keep digests of items that were verified, and then published under the stamps that they bear; see `_told`."""
        if repository.digest_cache:
            told = [item for item in items if _told(item)]
            if told:
                self._context.records.learn(repository, self._context.maker(repository), told, soon=True)


def _first(found: Snapshot) -> str:
    """Tell of what is missing in a snapshot, with an example; what vanished is told in a sentence already."""
    first = next((problem for problem in found.problems if not problem.gone), found.problems[0])
    more = f" and {len(found.problems) - 1} more" if len(found.problems) > 1 else ""
    return f"{first.reason if first.gone else f'{visible(first.key, 200)}: {first.reason}'}{more}"


class _Known:
    """The cached digests of a repository during one scan: what is told, what is learned, what is of no more use."""

    def __init__(self, context: Context, repository: Repository) -> None:
        self._records = context.records
        self._repository = repository
        # A turn is one of a whole scan.
        self._share = 0.0 if repository.narrowed else repository.verify_share
        self._maker = context.maker(repository)
        self._sure = True
        noted = self._records.noted(self._turns) if self._share else ""
        self._turn = int(noted) if noted.isdecimal() else 0
        self._due: dict[Key, tuple[Stamp, Digest]] = {}

    @property
    def _turns(self) -> str:
        """The name of the note that counts in how many scans a share was made anew."""
        return f"verify_share {self._repository.identity}"

    def told(self) -> Iterator[tuple[Key, Stamp, Digest]]:
        """Yield what is cached, but for the share whose turn it is: that is made anew."""
        share = self._share
        for key, stamp, digest in self._records.cached(self._repository, self._maker):
            if verify.is_due(key, share, self._turn):
                self._due[key] = stamp, digest
            else:
                yield key, stamp, digest

    def learn(self, subject: Subject, found: Learned) -> None:
        """Keep digests at once: should the scan break off, the next one need not read these items."""
        kept = _cacheable(found.items, subject.now)
        self._sure = self._sure and len(kept) == len(found.items)
        if self._repository.digest_cache and found.outdated:
            self._records.forget(self._repository, self._maker, found.outdated)
        if self._repository.digest_cache and kept:
            self._records.learn(self._repository, self._maker, kept)

    def sighted(self, found: Snapshot) -> Snapshot:
        """Return what was found; its sight is taken away unless that vouches for all digests from now on.

        It does where each is on record, under the stamp that the listing tells: out of the records, or learned now.
        """
        whole = found.items and found.complete and found.existed and not (found.problems or found.left)
        sure = self._repository.digest_cache and self._sure and not self._repository.narrowed
        return found if whole and sure and not Items.of(found.items).undigested() else replace(found, sight="")

    def tidy(self, found: Snapshot) -> None:
        """Drop what is cached of items whose turn it was, and that are gone; of the others that was learned."""
        gone = [key for key in self._due if key not in found.items]
        if gone:
            self._records.forget(self._repository, self._maker, gone)

    def surprise(self, found: Snapshot) -> str:
        """Count a turn that was brought to its end; return in words which of the share changed and did not show it."""
        if not self._share:
            return ""
        self._records.note(self._turns, str(self._turn + 1))
        changed = []
        for key, known in self._due.items():
            item = found.items.get(key)
            if item and item.digest and item.stamp == known[0] and item.digest != known[1]:
                changed.append(key)
        if not changed:
            return ""
        words = f"{len(changed)} item(s) have other bytes than before although size, times and inode are the same"
        return f"{words}, such as {visible(changed[0], 200)}: look at the disk"


def _told(item: Item) -> bool:
    """Tell whether a stamp that was told when an item was published vouches for its digest from then on.

    Its change time is that of the publication, so a later change may bear the same. But it would set the modification
    time to that moment as well, and what was published bears an older one: whoever writes shows, unless he sets that
    time back within the same tick of the clock.
    """
    stamp = item.stamp
    return bool(item.algorithm) and stamp.mtime_ns < stamp.ctime_ns - _RACY_NS and _calm(item, _WIDEST)


def _cacheable(items: Iterable[Item], now: int) -> list[Item]:
    limit = _limit(now)
    return [item for item in items if _is_cacheable(item, limit)]


def _limit(now: int) -> int:
    return now * 1_000_000_000 - _RACY_NS


def _is_cacheable(item: Item, limit: int) -> bool:
    return bool(item.algorithm) and _calm(item, limit)


def _calm(item: Item, limit: int) -> bool:
    """Tell whether an item's times are old enough, and its stamp such that it can be kept."""
    stamp = item.stamp
    times = stamp.ctime_ns, stamp.mtime_ns
    return bool(stamp.inode) and min(times) >= -_WIDEST and max(times) < min(limit, _WIDEST)
