"""Scans: at most one of each repository in a run, shared by all links that need it."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sshsync.core import verify
from sshsync.engine.context import Context
from sshsync.errors import InterruptedRun, SshsyncError
from sshsync.kinds.base import Answer, Dialogue, Learned, Remark, Request, Subject
from sshsync.model.events import Notice, Scanned, Waiting
from sshsync.model.item import Digest, Item, Key, Snapshot
from sshsync.model.topology import Repository
from sshsync.transports.retrying import T
from sshsync.transports.session import new_token

_RACY_NS = 2_000_000_000
"""A file changed less than this before the scan may change again within the same stamp; it is not cached."""


@dataclass(slots=True)
class _Entry:
    """One repository in this run: its snapshot, or the error that its scan ended in."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    snapshot: Snapshot | None = None
    as_of: float = 0.0
    error: SshsyncError | None = None
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

    def settle(self, name: str) -> Snapshot:
        """Wait until young files of a master had their time, and look at them again; once a run.

        Returns:
            The young items as they are now; one that was written to meanwhile is left out.
        """
        repository = self._context.tree.repositories[name]
        snapshot = self.snapshot(name)
        entry = self._entries[name]
        with entry.lock:
            if entry.settled is None:
                young = verify.young(snapshot, repository.stable_for)
                newest = max(item.mtime for item in young.values())
                wait = min(repository.stable_for, max(0.0, newest + repository.stable_for - snapshot.now))
                self._context.emit(Waiting(name, round(wait, 1), f"{len(young)} file(s) were written just now"))
                self._context.stop.sleep(wait)
                again = self.look_again(repository, snapshot.root, list(young))
                quiet = {k: i for k, i in again.items.items() if verify.settled(young[k], i)}
                entry.settled = replace(again, items=quiet)
            return entry.settled

    def look_again(self, repository: Repository, root: bytes, keys: list[Key]) -> Snapshot:
        """Return the present state of some items."""
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
        if repository.digest_cache and found.existed:
            context.records.remember(repository, context.maker(repository), _cacheable(found.items.values(), found.now))
        for problem in found.problems:
            context.emit(Notice(repository.name, f"the listing is incomplete, nothing is deleted: {problem.reason}"))
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
        return Subject(repository, capabilities, new_token(), context.algorithm(repository), now)

    def _converse(self, subject: Subject, dialogue: Dialogue[T]) -> T:
        """Drive a dialogue: each request is one script, tried again on its own."""
        repository, token = subject.repository, subject.token
        try:
            step = next(dialogue)
            while True:
                if isinstance(step, Learned):
                    self._learn(repository, step.items, subject.now)
                    step = next(dialogue)
                elif isinstance(step, Remark):
                    self._context.emit(Notice(repository.name, step.words))
                    step = next(dialogue)
                else:
                    step = dialogue.send(self._ask(repository, step, token))
        except StopIteration as end:
            result: T = end.value
            return result

    def _learn(self, repository: Repository, items: tuple[Item, ...], now: int) -> None:
        """Keep digests of a scan that is not over: should it break off, the next one need not read these files."""
        if repository.digest_cache:
            self._context.records.learn(repository, self._context.maker(repository), _cacheable(items, now))

    def _ask(self, repository: Repository, request: Request, token: bytes) -> Answer:
        def once() -> Answer:
            session = self._context.session(repository)
            reply = session.run(request.command, request.stdin, allow=request.allow, token=token)
            return Answer(reply.status, reply.payload, reply.errors)

        return self._context.retry(repository, request.command.script.name, once)


def _cacheable(items: Iterable[Item], now: int) -> list[Item]:
    limit = now * 1_000_000_000 - _RACY_NS
    return [
        item
        for item in items
        if item.digest and item.stamp.inode and max(item.stamp.ctime_ns, item.stamp.mtime_ns) < limit
    ]
