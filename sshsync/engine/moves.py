"""Moves: stage, verify, publish, batch by batch, until every item is published or its failure is known."""

from collections import Counter, deque
from collections.abc import Iterable

from sshsync.core import verify
from sshsync.core.batch import Batch, Form
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.errors import IntegrityError, RefusedError, SourceChangedError, SshsyncError
from sshsync.model.change import Change
from sshsync.model.events import ItemFailed, Outcome, Progress, Published, Resent, text
from sshsync.model.item import Digest, Item, Key
from sshsync.model.topology import Repository
from sshsync.remote.encode import visible
from sshsync.transfers.base import Ends
from sshsync.transfers.pace import Pace
from sshsync.transfers.staging import Staging

PARTIAL = 7
"""Exit code that one failed item asks for by itself."""


class Mover:
    """Brings the changes of one link to the child.

    Attributes:
        published: items that are on the child now, verified.
        failed, deferred: number of items that are not, and that are left for the next run.
    """

    def __init__(
        self, context: Context, scanner: Scanner, parent: Repository, child: Repository, staging: Staging
    ) -> None:
        self._context = context
        self._scanner = scanner
        self._parent = parent
        self._child = child
        self.staging = staging
        self._source_root = scanner.snapshot(parent.name).root
        self._tries: Counter[tuple[Key, str]] = Counter()
        self._complaints: dict[Key, str] = {}
        self._sent = 0
        self._pace = Pace(child.bwlimit, context.monotonic, context.stop.sleep)
        self.published: dict[Key, Item] = {}
        self.failed = 0
        self.deferred = 0

    def salvage(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """Publish what an interrupted run left complete in staging, discard the rest.

        Returns:
            The changes that still have to move.
        """
        wanted = {change.key: change for change in changes}
        self._context.retry(self._child, "staging", lambda: self._salvage(wanted))
        return tuple(change for change in wanted.values() if change.key not in self.published)

    def _salvage(self, wanted: dict[Key, Change]) -> None:
        for batch_id, batch in self.staging.leftovers(wanted):
            found = self._staged_digests(batch, batch_id)
            good = verify.verify(batch.changes, found).good
            if good:
                self._publish(batch.only(good), batch_id, salvaged=True)
        self.staging.clear()

    def move(self, batches: Iterable[Batch]) -> None:
        """Move all batches; items that fail are events, not errors.

        Raises:
            SshsyncError: a host failed for good; what was published stays published.
        """
        queue = deque(batches)
        while queue:
            self._context.stop.check()
            queue.extend(self._move_one(queue.popleft()))

    def _move_one(self, batch: Batch) -> list[Batch]:
        """Move one batch and return what has to be tried anew."""
        publishing: set[Key] = set()

        def attempt() -> list[Batch]:
            if publishing:
                self._find_published(batch, publishing)
            todo = batch.only(c for c in batch.changes if c.key not in self.published)
            return self._attempt(todo, publishing) if todo.changes else []

        return self._context.retry(self._child, "transfer", attempt, lambda: self._sent)

    def _attempt(self, batch: Batch, publishing: set[Key]) -> list[Batch]:
        before = self._sent
        try:
            self._context.strategies[batch.strategy].stage(batch, self._ends(paced=batch.form is not Form.COMMAND))
            verdict = verify.verify(batch.changes, self._staged_digests(batch, batch.id))
        except SourceChangedError as error:
            self._resent(self._sent - before)
            return self._reconsider(dict.fromkeys(batch.changes), batch.form, str(error))
        except SshsyncError as error:
            self._resent(self._sent - before)
            raise error.about(_subject(batch)) from error
        if verdict.good:
            publishing.update(change.key for change in verdict.good)
            self._publish(batch.only(verdict.good), batch.id)
        if not verdict.bad:
            return []
        self._resent(sum(change.size for change, _ in verdict.bad))
        return self._reconsider(dict(verdict.bad), batch.form, "")

    def _resent(self, count: int) -> None:
        if count:
            self._context.emit(Resent(self._child.name, count))

    def _ends(self, *, paced: bool) -> Ends:
        """Return both ends; what a `synccmd` moves is past before anybody could slow it down."""
        context = self._context
        return Ends(
            self._parent,
            self._child,
            context.session(self._parent),
            context.session(self._child),
            self._source_root,
            self.staging.root,
            self._moved_in_time if paced else self._moved,
            context.stop.check,
            self._complaints.__setitem__,
        )

    def _moved(self, count: int) -> None:
        self._sent += count
        self._context.emit(Progress(self._child.name, count))

    def _moved_in_time(self, count: int) -> None:
        self._moved(count)
        self._pace(count)

    def _staged_digests(self, batch: Batch, batch_id: str) -> dict[Key, Digest | None]:
        sizes = {change.key: change.size for change in batch.changes}
        if batch.form is not Form.PART:
            below = b".sshsync/batch/" + batch_id.encode()
            return self._scanner.digests(self._child, self.staging.root, below, sizes)
        part = batch.part.encode()
        size = {part: batch.size}
        found = self._scanner.digests(self._child, self.staging.root, b".sshsync/part", size)
        return {change.key: found.get(part) for change in batch.changes}

    def _publish(self, batch: Batch, batch_id: str, *, salvaged: bool = False) -> None:
        """Make verified files visible; the ones that the child refuses are events."""
        if batch.form is not Form.PACK or salvaged:
            self.staging.mark(batch, batch_id)
        refused = self.staging.publish(batch, batch_id)
        done = []
        for change in batch.changes:
            if change.key in refused:
                words = refused[change.key]
                self._fail(change.key, words, code=RefusedError.code if "symbolic link" in words else PARTIAL)
            elif change.new:
                done.append(change.new)
        self._done(done, salvaged=salvaged)

    def _done(self, items: list[Item], *, salvaged: bool = False) -> None:
        self.published.update((item.key, item) for item in items)
        rows = [(text(item.key), item.digest or "", item.size) for item in items]
        moved = 0 if salvaged else sum(item.size for item in items)
        if rows:
            self._context.emit(Published(self._child.name, rows, moved, salvaged))

    def _find_published(self, batch: Batch, keys: set[Key]) -> None:
        """After a connection broke while files were published: find out which are."""
        sizes = {c.key: c.size for c in batch.changes if c.key in keys and c.key not in self.published}
        found = self._scanner.digests(self._child, self.staging.root, b".", sizes)
        good = verify.verify((c for c in batch.changes if c.key in sizes), found).good
        self._done([change.new for change in good if change.new])
        keys.clear()

    def _reconsider(self, found: dict[Change, Digest | None], form: Form, reason: str) -> list[Batch]:
        """Find out why items are wrong, and decide which are tried again.

        A file that changed on the master is planned anew with its new digest, a few times. One that did not
        change was corrupted on the way and is sent again, less often. When a whole batch broke off because
        of one unknown file, the others are innocent: they go again without it, or each on its own.
        """
        keys = [change.key for change in found]
        seen = self._scanner.look_again(self._parent, self._source_root, keys)
        same: list[Change] = []
        again: list[Batch] = []
        for change, digest in found.items():
            fresh = seen.items.get(change.key)
            if fresh is None:
                self._fail(change.key, f"it vanished on {self._parent.name}")
            elif change.new and fresh.digest == change.new.digest:
                same.append(change)
                self._complaints.setdefault(change.key, _why(digest, reason))
            else:
                again += self._changed(change, fresh, form)
        if reason and same and again:
            return [*again, Batch(form, tuple(same))]
        if reason and len(same) > 1:
            return [Batch(form, (change,)) for change in same]
        kept = tuple(change for change in same if self._may_repeat(change, found[change], reason))
        return [*again, Batch(form, kept)] if kept else again

    def _changed(self, change: Change, fresh: Item, form: Form) -> list[Batch]:
        if self._parent.parent:
            self._fail(change.key, f"its copy on {self._parent.name} is not the verified one", Outcome.BLOCKED)
            return []
        self._tries[change.key, "changed"] += 1
        if self._tries[change.key, "changed"] >= self._child.retries.changed:
            self._fail(change.key, "still being written", Outcome.DEFERRED, 0)
            return []
        return [Batch(form, (Change(change.kind, change.key, change.old, fresh),))]

    def _may_repeat(self, change: Change, digest: Digest | None, reason: str) -> bool:
        self._tries[change.key, "corrupt"] += 1
        if self._tries[change.key, "corrupt"] < self._child.retries.corrupt:
            return True
        words = self._complaints.get(change.key) or _why(digest, reason)
        self._fail(change.key, words, code=IntegrityError.code if digest else PARTIAL)
        return False

    def _fail(self, key: Key, reason: str, outcome: Outcome = Outcome.FAILED, code: int = PARTIAL) -> None:
        if outcome is Outcome.DEFERRED:
            self.deferred += 1
        else:
            self.failed += 1
        self._context.emit(ItemFailed(self._child.name, text(key), reason, outcome, code))

    def refuse(self, key: Key, reason: str) -> None:
        """Leave an item out because no allowed way could carry it."""
        self._fail(key, reason, code=RefusedError.code)

    def defer(self, key: Key) -> None:
        """Leave an item for the next run."""
        self._fail(key, "still being written", Outcome.DEFERRED, 0)


def _subject(batch: Batch) -> str:
    first = visible(batch.changes[0].key, 120)
    return first if len(batch.changes) == 1 else f"{first} and {len(batch.changes) - 1} more"


def _why(digest: Digest | None, reason: str) -> str:
    if reason:
        return reason
    return (
        f"arrived as {digest}, which is not the origin's digest"
        if digest
        else "did not arrive, or no digest of it can be made there"
    )
