"""Moves: stage, verify, publish, batch by batch, until every item is published or its failure is known."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sshsync.core import verify
from sshsync.core.batch import Batch, Form, halves
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.errors import (
    CommandError,
    ConnectionLostError,
    HostError,
    IntegrityError,
    RefusedError,
    SourceChangedError,
    SshsyncError,
)
from sshsync.model.change import Transfer
from sshsync.model.events import Deleted, ItemFailed, Outcome, Progress, Published, Resent, key_text
from sshsync.model.item import Digest, Item, Key
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.transfers.base import Ends
from sshsync.transfers.pace import Pace
from sshsync.transfers.staging import Staging
from sshsync.transports.base import REOPENED

PARTIAL = 7
"""Exit code that one failed item asks for by itself."""


@dataclass(slots=True)
class _Course:
    """How far the tries of one batch have come, and what has to be tried anew beside it."""

    staged: Batch | None = None
    good: Batch | None = None
    marked: bool = False
    again: list[Batch] = field(default_factory=list)


class Mover:
    """Brings the changes of one link to the child.

    Attributes:
        in_the_way: by the key of a copy, the child's files that have to go before it can be published.
        published: items that are on the child now, verified.
        removed: listed files that made room for a published one.
        restless: changes of files that were seen to change on the master, put aside until they had their time.
        failed, deferred: number of items that are not, and that are left for the next run.
    """

    def __init__(
        self,
        context: Context,
        scanner: Scanner,
        parent: Repository,
        child: Repository,
        staging: Staging,
        in_the_way: Mapping[Key, tuple[Key, ...]],
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
        self._abandoned: list[str] = []
        self._pace = Pace(child.bwlimit, context.monotonic, context.stop.sleep)
        self.in_the_way = in_the_way
        self._wary = not parent.parent and parent.stable_for > 0
        self.restless: list[Transfer] = []
        self.published: dict[Key, Item] = {}
        self.removed: set[Key] = set()
        self.failed = 0
        self.deferred = 0

    def salvage(self, changes: Iterable[Transfer]) -> tuple[Transfer, ...]:
        """Publish what an interrupted attempt left complete in staging, discard the rest.

        Returns:
            The changes that still have to move.
        """
        wanted = {change.key: change for change in changes}
        self._context.retry(self._child, "staging", lambda: self._salvage(wanted), lambda: len(self.published))
        return tuple(change for change in wanted.values() if change.key not in self.published)

    def _salvage(self, wanted: dict[Key, Transfer]) -> None:
        for leftover in list(self.staging.leftovers(wanted)):
            with suppress(CommandError):
                self.staging.take_over(leftover)
                found = self._staged_digests(leftover.batch)
                fresh = [change for change in leftover.batch.changes if change.key not in self.published]
                if good := self._with_room(verify.verify(fresh, found).good):
                    self.staging.mark(leftover.batch.only(good))
                    self._publish(leftover.batch.only(good), salvaged=True)
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
        """Move one batch and return what has to be tried anew.

        Each try stages under a name of its own, for a receiver of the one before may still write. A publication
        that broke off is repeated from where its verified files lie.
        """
        course = _Course()

        def attempt() -> list[Batch]:
            if course.good is None:
                self._stage_anew(batch, course)
            if course.good:
                self._finish(course.good, course)
            if course.again and course.staged:
                self._abandoned += course.staged.places
            return course.again

        return self._context.retry(self._child, "transfer", attempt, lambda: len(self.published))

    def _stage_anew(self, batch: Batch, course: "_Course") -> None:
        """Stage under a new name; at once again, a few times, when a channel ended before its command had begun."""
        for left in reversed(range(REOPENED + 1)):
            if course.staged:
                self._abandoned += course.staged.places
            self._discard_abandoned()
            course.staged = batch.at(self.staging.attempt())
            ends = self._ends(paced=batch.form is not Form.COMMAND)
            try:
                self._stage(course.staged, course, ends)
            except ConnectionLostError as error:
                if error.begun or not left or not (ends.source.alive and ends.target.alive):
                    raise
            else:
                return

    def _stage(self, batch: Batch, course: "_Course", ends: Ends) -> None:
        """Bring a batch into staging and verify it there."""
        before = self._sent
        try:
            self._context.strategies[batch.strategy].stage(batch, ends)
            verdict = verify.verify(batch.changes, self._staged_digests(batch))
        except SourceChangedError as error:
            self._resent(self._sent - before)
            course.again = self._reconsider(dict.fromkeys(batch.changes), batch, str(error))
            return
        except SshsyncError as error:
            self._resent(self._sent - before)
            raise error.about(_subject(batch)) from error
        if verdict.bad:
            self._resent(sum(change.size for change, _ in verdict.bad))
            course.again = self._reconsider(dict(verdict.bad), batch, "")
        if good := self._with_room(self._at_rest(verdict.good)):
            course.good = batch.only(good)

    def _at_rest(self, changes: tuple[Transfer, ...]) -> list[Transfer]:
        """Leave out what began to change on the master since it was scanned: only half of it may have been written."""
        if not self._wary:
            return list(changes)
        items = [change.new for change in changes]
        moving = self._scanner.still(self._parent, self._source_root, items)
        self.restless += [change for change in changes if change.key in moving]
        self._resent(sum(change.size for change in changes if change.key in moving))
        return [change for change in changes if change.key not in moving]

    def _finish(self, good: Batch, course: "_Course") -> None:
        """Publish verified files; only their mode and time may still have to be set."""
        if good.form is not Form.PACK and not course.marked:
            self.staging.mark(good)
            course.marked = True
        self._publish(good)

    def _discard_abandoned(self) -> None:
        """Remove what earlier attempts left, before another one needs the room; what cannot go yet is kept in mind."""
        with suppress(HostError):
            self.staging.discard(place.encode() for place in self._abandoned)
            self._abandoned.clear()

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

    def _staged_digests(self, batch: Batch) -> dict[Key, Digest | None]:
        sizes = {change.key: change.size for change in batch.changes}
        if batch.form is not Form.PART:
            below = b".sshsync/batch/" + batch.id.encode()
            return self._scanner.digests(self._child, self.staging.root, below, sizes)
        part = batch.part.encode()
        size = {part: batch.size}
        found = self._scanner.digests(self._child, self.staging.root, b".sshsync/part", size)
        return {change.key: found.get(part) for change in batch.changes}

    def _publish(self, batch: Batch, *, salvaged: bool = False) -> None:
        """Make verified files visible; the ones that the child refuses are events."""
        in_the_way = [key for change in batch.changes for key in self.in_the_way.get(change.key, ())]
        refused = self.staging.publish(batch, dict.fromkeys(in_the_way), empty=self._child.delete)
        self._note_removed(in_the_way)
        done = []
        for change in batch.changes:
            if change.key in refused:
                self.turn_down(change.key, refused[change.key])
            else:
                done.append(change.new)
        self._done(done, salvaged=salvaged)

    def _with_room(self, changes: Iterable[Transfer]) -> list[Transfer]:
        """Leave out, as failed, files in whose place is a directory with more in it than was listed: that stays."""
        fit = []
        for change in changes:
            listed = self.in_the_way.get(change.key, ())
            below = change.key + b"/"
            strange: list[Key] = []
            if any(other.startswith(below) for other in listed):
                strange = sorted({below + name for name in self.staging.below(change.key)} - set(listed))
            if strange:
                words = f"{len(strange)} thing(s) stay in there, such as {visible(strange[0])}"
                self.fail(change.key, f"its place is a directory, and {words}")
            else:
                fit.append(change)
        return fit

    def _note_removed(self, keys: Iterable[Key]) -> None:
        """Keep in mind, and tell once, which listed files made room."""
        fresh = [key for key in dict.fromkeys(keys) if key not in self.removed]
        self.removed.update(fresh)
        if fresh:
            self._context.emit(Deleted(self._child.name, [key_text(key) for key in fresh]))

    def _done(self, items: list[Item], *, salvaged: bool = False) -> None:
        self.published.update((item.key, item) for item in items)
        rows = [(key_text(item.key), item.digest or "", item.size) for item in items]
        moved = 0 if salvaged else sum(item.size for item in items)
        if rows:
            self._context.emit(Published(self._child.name, rows, moved, salvaged))

    def _reconsider(self, found: dict[Transfer, Digest | None], batch: Batch, reason: str) -> list[Batch]:
        """Find out why items are wrong, and decide which are tried again.

        A file that changed on the master is planned anew with its new digest, a few times; where it has to be left
        alone for a while first, it is put aside. One that did not change was corrupted on the way and is sent again,
        less often. When a whole batch broke off because of some files, the others are innocent: they go again
        together without those; where it cannot be told which files did it, they go in halves until it can.
        """
        seen = self._scanner.look_again(self._parent, self._source_root, [change.key for change in found])
        same: list[Transfer] = []
        changed: list[Transfer] = []
        culprits = 0
        for change, digest in found.items():
            fresh = seen.items.get(change.key)
            if fresh and fresh.digest == change.new.digest:
                same.append(change)
                self._complaints.setdefault(change.key, _why(digest, reason))
                continue
            culprits += 1
            if fresh is None:
                self.fail(change.key, f"it vanished on {self._parent.name}")
            elif self._wary:
                self.restless.append(change)
            elif self._may_follow(change.key):
                changed.append(replace(change, new=fresh))
        again = [batch.only(changed)] if changed else []
        if reason and same and culprits:
            return [*again, batch.only(same)]
        if reason and len(same) > 1:
            return [*halves(batch.only(same))]
        kept = tuple(change for change in same if self._may_repeat(change, found[change], reason))
        return [*again, batch.only(kept)] if kept else again

    def _may_follow(self, key: Key) -> bool:
        """Tell whether an item that changed on the parent is taken as it is now."""
        if self._parent.parent:
            self.fail(key, f"its copy on {self._parent.name} is not the verified one", Outcome.BLOCKED)
            return False
        self._tries[key, "changed"] += 1
        if self._tries[key, "changed"] >= self._child.retries.changed:
            self.fail(key, "still being written", Outcome.DEFERRED, 0)
            return False
        return True

    def _may_repeat(self, change: Transfer, digest: Digest | None, reason: str) -> bool:
        self._tries[change.key, "corrupt"] += 1
        if self._tries[change.key, "corrupt"] < self._child.retries.corrupt:
            return True
        words = self._complaints.get(change.key) or _why(digest, reason)
        self.fail(change.key, words, code=IntegrityError.code if digest else PARTIAL)
        return False

    def fail(self, key: Key, reason: str, outcome: Outcome = Outcome.FAILED, code: int = PARTIAL) -> None:
        """Give an item up."""
        if outcome is Outcome.DEFERRED:
            self.deferred += 1
        else:
            self.failed += 1
        self._context.emit(ItemFailed(self._child.name, key_text(key), reason, outcome, code))

    def turn_down(self, key: Key, words: str) -> None:
        """Give an item up that the child refused in these words."""
        self.fail(key, words, code=RefusedError.code if "symbolic link" in words else PARTIAL)

    def refuse(self, key: Key, reason: str) -> None:
        """Leave an item out because no allowed way could carry it."""
        self.fail(key, reason, code=RefusedError.code)

    def defer(self, key: Key) -> None:
        """Leave an item for the next run."""
        self.fail(key, "still being written", Outcome.DEFERRED, 0)


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
