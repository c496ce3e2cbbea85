"""Scans: at most one of each repository in a run, shared by all links that need it."""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sshsync.core import verify
from sshsync.engine.context import Context
from sshsync.errors import InterruptedRun, SshsyncError
from sshsync.hosts.conversation import new_token
from sshsync.hosts.retrying import T
from sshsync.kinds.base import Dialogue, Subject
from sshsync.model.events import Remarked, Scanned, Waiting
from sshsync.model.item import Digest, Item, Key, Snapshot
from sshsync.model.topology import Repository

_RACY_NS = 2_000_000_000
"""A file changed less than this before the scan may change again within the same stamp; it is not cached."""

_WIDEST = 1 << 63
"""What lies beyond this many nanoseconds around 1970 is no number that the records can keep."""


@dataclass(slots=True)
class _Entry:
    """One repository in this run: its snapshot, or the error that its scan ended in.

    `settling` is held while a master is given time, `lock` is not: who takes no young file need not wait.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    snapshot: Snapshot | None = None
    as_of: float = 0.0
    scanned: float = 0.0
    error: SshsyncError | None = None
    settling: threading.Lock = field(default_factory=threading.Lock)
    settled: Snapshot | None = None
    vouched: frozenset[Key] = frozenset()
    by_cache: bool = False
    afresh: bool = False


class Scanner:
    """Knows what every repository of the run holds."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entries = {name: _Entry() for name in context.tree.repositories}

    def snapshot(self, name: str, *, create: bool = False) -> Snapshot:
        """Return what the repository holds; scans it when nobody did in this run.

        Args:
            name: the repository.
            create: make its root when it is missing, even if it was scanned as missing before.

        Raises:
            SshsyncError: the scan failed, now or earlier in this run.
        """
        entry = self._entries[name]
        with entry.lock:
            if entry.error:
                raise entry.error.again()
            if entry.snapshot is None or (create and not entry.snapshot.existed):
                try:
                    entry.snapshot = self._scan(self._context.tree.repositories[name], entry, create=create)
                except InterruptedRun:
                    raise
                except SshsyncError as error:
                    entry.error = error.again()
                    raise
            return entry.snapshot

    def forget(self, name: str) -> None:
        """Scan the repository anew when it is asked for next: somebody else may have changed it."""
        self._entries[name].snapshot = None

    def afresh(self, name: str) -> None:
        """Forget a scan that took digests out of the cache: the next one makes all of them, once a run."""
        entry = self._entries[name]
        with entry.lock:
            if entry.by_cache and not entry.afresh:
                entry.afresh, entry.snapshot = True, None

    def as_of(self, name: str) -> float:
        """Return the controller's time when the repository was scanned."""
        return self._entries[name].as_of

    def put(self, snapshot: Snapshot, vouched: frozenset[Key] = frozenset()) -> None:
        """Set what a repository holds after publishing; it serves the next stage.

        Args:
            snapshot: what is there, or, in a dry run, what would be.
            vouched: items that this run itself verified there (or would have).
        """
        entry = self._entries[snapshot.repository]
        entry.snapshot = snapshot
        entry.vouched |= vouched

    def vouched(self, name: str) -> frozenset[Key]:
        """Return the items that this run itself verified in the repository."""
        return self._entries[name].vouched

    def settle(self, name: str, restless: Collection[Key] = ()) -> Snapshot:
        """Wait until young files of a master had their time, and look at them again; once a run.

        Args:
            name: the master.
            restless: items that were seen to change after the scan. They join the wait when it has not begun.

        Returns:
            The young items as they are now, digested afresh; one that was written to meanwhile, or that came too
            late, is left out.

        Raises:
            SshsyncError: the master cannot be looked at.
        """
        entry = self._entries[name]
        with entry.settling:
            if entry.settled is None:
                repository, snapshot = self._context.tree.repositories[name], self.snapshot(name)
                keys = dict.fromkeys((*verify.young(snapshot, repository.stable_for), *restless))
                entry.settled = self._settled(repository, snapshot, entry.scanned, list(keys))
            return entry.settled

    def _settled(self, repository: Repository, snapshot: Snapshot, scanned: float, keys: list[Key]) -> Snapshot:
        before = self.look(repository, snapshot.root, keys)
        since = self._context.monotonic() - scanned
        wait = verify.rest(snapshot, before, repository.stable_for, since)
        if wait:
            why = f"{len(before.items)} file(s) were written just now"
            self._context.emit(Waiting(repository.name, round(wait, 1), why))
            self._context.stop.sleep(wait)

        after = self.look_again(repository, snapshot.root, list(before.items))
        quiet = {
            key: item
            for key, item in after.items.items()
            if verify.settled(before.items[key], item) and key not in after.restless
        }
        return replace(after, items=quiet, restless=frozenset())

    def still(self, repository: Repository, root: bytes, items: Iterable[Item]) -> set[Key]:
        """Return the keys of those items that are not as they were when they were scanned: changed, or gone.

        Costs one request, and none when there are no items; nothing is read.
        """
        known = {item.key: item for item in items}
        now = self.look(repository, root, list(known)).items if known else {}
        return {key for key, item in known.items() if not verify.settled(item, now.get(key))}

    def look(self, repository: Repository, root: bytes, keys: list[Key]) -> Snapshot:
        """Return the present state of some items, without digests."""
        subject = self._subject(repository)
        return self._converse(subject, self._context.kind.look(subject, root, keys))

    def look_again(self, repository: Repository, root: bytes, keys: list[Key]) -> Snapshot:
        """Return the present state of some items, digested afresh.

        Those of a master with `stable_for` that changed while they were digested are `restless` in the answer.
        """
        subject = self._subject(repository)
        return self._converse(subject, self._context.kind.look_again(subject, root, keys))

    def glance(self, repository: Repository) -> Snapshot:
        """Return what a repository holds now, without digests; nothing of it is kept."""
        subject = self._subject(repository)
        return self._converse(subject, self._context.kind.glance(subject))

    def digests(
        self, repository: Repository, root: bytes, below: bytes, sizes: Mapping[Key, int]
    ) -> dict[Key, Digest | None]:
        """Return the digests of files that lie below the root, in staging or in place."""
        subject = self._subject(repository)
        return self._converse(subject, self._context.kind.digests(subject, root, below, sizes))

    def _scan(self, repository: Repository, entry: _Entry, *, create: bool) -> Snapshot:
        context = self._context
        entry.as_of = context.clock()
        use = repository.digest_cache and not entry.afresh
        cached = context.records.cached(repository, context.maker(repository)) if use else {}
        entry.by_cache = bool(cached)
        subject = replace(self._subject(repository), create=create, cached=cached)
        found = self._converse(subject, context.kind.scan(subject))
        entry.scanned = context.monotonic()
        if repository.digest_cache and found.existed:
            context.records.remember(repository, context.maker(repository), _cacheable(found.items.values(), found.now))
        for problem in found.problems:
            context.emit(Remarked(repository.name, f"the listing is incomplete, nothing is deleted: {problem.reason}"))
        context.emit(
            Scanned(
                repository.name,
                len(found.items),
                found.bytes,
                found.skipped,
                found.hashed,
                entry.as_of,
                found.complete,
            )
        )
        return found

    def _subject(self, repository: Repository) -> Subject:
        context = self._context
        capabilities = context.capabilities(repository)
        now = int(context.clock() + capabilities.clock)
        wary = not repository.parent and repository.stable_for > 0
        return Subject(repository, capabilities, new_token(), context.algorithm(repository), now, wary=wary)

    def _converse(self, subject: Subject, dialogue: Dialogue[T]) -> T:
        return self._context.asking.converse(subject, dialogue, lambda items: self._learn(subject, items))

    def _learn(self, subject: Subject, items: tuple[Item, ...]) -> None:
        """Keep digests of a scan that is not over: should it break off, the next one need not read these files."""
        repository, context = subject.repository, self._context
        if repository.digest_cache:
            context.records.learn(repository, context.maker(repository), _cacheable(items, subject.now))


def _cacheable(items: Iterable[Item], now: int) -> list[Item]:
    limit = now * 1_000_000_000 - _RACY_NS
    return [item for item in items if item.digest and item.stamp.inode and _calm(item, limit)]


def _calm(item: Item, limit: int) -> bool:
    """Tell whether an item's times are old enough, and such that they can be kept."""
    times = item.stamp.ctime_ns, item.stamp.mtime_ns
    return min(times) >= -_WIDEST and max(times) < min(limit, _WIDEST)
