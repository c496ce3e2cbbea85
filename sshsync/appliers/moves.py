"""Moves: fetch and verify, load by load, until every item is staged for publication or its failure is known."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sshsync.appliers.base import Site
from sshsync.appliers.ledger import PARTIAL, Ledger
from sshsync.appliers.looks import Looks
from sshsync.appliers.parts import Parts
from sshsync.appliers.staging import PARTS, Leftover, Staging, below_of
from sshsync.core import guard, verify
from sshsync.errors import (
    CommandError,
    ConnectionLostError,
    HostError,
    IntegrityError,
    SourceChangedError,
    SshsyncError,
)
from sshsync.hosts.asking import Asking
from sshsync.hosts.retrying import T
from sshsync.model.change import Transfer
from sshsync.model.events import Outcome, Progress
from sshsync.model.item import Digest, Key
from sshsync.model.prepared import Prepared
from sshsync.model.words import visible
from sshsync.transfers.base import Ends, Strategy
from sshsync.transfers.load import Batch, Load, Part, Span, halves
from sshsync.transfers.pace import Pace
from sshsync.transports.base import REOPENED


@dataclass(frozen=True, slots=True)
class Staged:
    """Files that lie verified in staging.

    Attributes:
        in_the_way: listed files of the child that have to go before these can be published.
        salvaged: an earlier run had moved their bytes.
    """

    load: Load
    in_the_way: tuple[Key, ...] = ()
    salvaged: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What moves files.

    Attributes:
        held: places in staging whose files are verified and wait for their publication: nobody clears them away.
    """

    asking: Asking
    looks: Looks
    staging: Staging
    ledger: Ledger
    parts: Parts
    strategies: Mapping[str, Strategy]
    held: set[str]


@dataclass(slots=True)
class _Course:
    """How far the tries of one batch have come, and what has to be tried anew beside it."""

    load: Load
    good: tuple[Transfer, ...] = ()
    again: list[Batch] = field(default_factory=list)


class Mover:
    """Brings the transfers of one link into staging.

    Attributes:
        in_the_way: by the key of a copy, the child's files that have to go before it can be published.
        restless: changes of files that were seen to change on the master, put aside until they had their time.
        salvaged: keys that an interrupted attempt had brought.
    """

    def __init__(self, site: Site, prepared: Prepared, tools: Tools) -> None:
        self._site = site
        self._parent = site.parent
        self._child = site.child
        self._tools = tools
        self._asking = tools.asking
        self._staging = tools.staging
        self._ledger = tools.ledger
        self._looks = tools.looks
        self._parts = tools.parts
        self._source_root = prepared.parent.root
        self._tries: Counter[tuple[Key, str]] = Counter()
        self._complaints: dict[Key, str] = {}
        self._sent = 0
        self._abandoned: list[Load] = []
        self._pace = Pace(site.child.bwlimit, tools.asking.monotonic, tools.asking.stop.sleep)
        self._wary = not site.parent.parent and site.parent.stable_for > 0
        self.in_the_way = guard.in_the_way(prepared.changes, prepared.child)
        self.restless: list[Transfer] = []
        self.salvaged: set[Key] = set()

    def salvage(self, changes: Iterable[Transfer]) -> Iterator[Staged]:
        """Yield what an interrupted attempt left complete in staging, then discard the rest."""
        wanted = {change.key: change for change in changes}
        for leftover in self._retry("staging", lambda: list(self._staging.leftovers(wanted))):
            with suppress(CommandError):
                if staged := self._retry("staging", lambda: self._salvaged(leftover)):  # noqa: B023 - called at once
                    yield self._hold(staged)
        self._retry("staging", lambda: self._staging.clear(keep=[*self._tools.held, *self._parts.places]))

    def _salvaged(self, leftover: Leftover) -> Staged | None:
        """Bring a leftover under a name of ours, and return what of it is good."""
        load = leftover.load
        if isinstance(load, Part):
            return self._salvaged_part(leftover, load)
        self._staging.take_over(leftover)
        fresh = [change for change in load.changes if change.key not in self.salvaged]
        good = self._with_room(verify.verify(fresh, self._digests(load, load.spans)).good)
        self.salvaged.update(change.key for change in good)
        return self._staged(load.only(good), salvaged=True) if good else None

    def _salvaged_part(self, leftover: Leftover, load: Part) -> Staged | None:
        """Return a part that is whole and right; of any other the right ranges serve the move to come."""
        if load.change.key in self.salvaged or leftover.size > load.size:
            return None
        if leftover.size == load.size:
            self._staging.carry_on(leftover.name.rpartition("/")[2], load)
            if verify.verify(load.changes, self._digests(load, load.spans)).good:
                self.salvaged.add(load.change.key)
                return self._staged(load, salvaged=True) if self._with_room(load.changes) else None
        self._parts.adopt(load, load.place if leftover.size == load.size else leftover.name)
        return None

    def move(self, batches: Iterable[Batch]) -> Iterator[Staged]:
        """Yield all batches, as they are staged and verified; items that fail are events, not errors.

        Raises:
            SshsyncError: a host failed for good; what was published stays published.
        """
        queue = deque(batches)
        while queue:
            self._asking.stop.check()
            course = self._move_one(queue.popleft())
            if course.good:
                yield self._hold(self._staged(course.load.only(course.good)))
            if course.again or not course.good:
                self._give_up(course)
            queue.extend(course.again)

    def _give_up(self, course: _Course) -> None:
        """Have what a course leaves removed, but for a part that another try goes on with."""
        load = course.load
        if isinstance(load, Part):
            digests = {change.new.digest for batch in course.again for change in batch.changes}
            if load.change.new.digest in digests:
                self._parts.doubt(load)
                return
            self._parts.done(load)
        self._abandoned.append(load)

    def _move_one(self, batch: Batch) -> _Course:
        """Stage one batch; each try under a name of its own, for a receiver of the one before may still write."""
        return self._retry("transfer", lambda: self._stage_anew(batch))

    def _stage_anew(self, batch: Batch) -> _Course:
        """Stage under a new name; at once again, a few times, when a channel ended before its command had begun."""
        for left in reversed(range(REOPENED + 1)):
            self._discard_abandoned()
            course = _Course(batch.load.at(self._staging.attempt()))
            ends = self._ends(course.load, paced=batch.strategy != "command")
            try:
                self._stage(batch, course, ends)
            except SshsyncError as error:
                if not isinstance(course.load, Part):
                    self._abandoned.append(course.load)
                late = isinstance(error, ConnectionLostError) and not error.begun
                if not late or not left or not (ends.source.alive and ends.target.alive):
                    raise
            else:
                break
        return course

    def _stage(self, batch: Batch, course: _Course, ends: Ends) -> None:
        """Bring a batch into staging and verify what was kept there."""
        before = self._sent
        kept: list[Span] = []
        strategy, load = self._tools.strategies[batch.strategy], course.load
        part = isinstance(load, Part)
        try:
            if isinstance(load, Part):
                self._parts.bring(load, strategy, ends)
                kept += load.spans
            else:
                strategy.fetch(load, load.spans, ends, kept.append)
            verdict = verify.verify(batch.changes, self._digests(course.load, kept))
        except SourceChangedError as error:
            self._ledger.resent(0 if part else self._sent - before)
            course.again = self._reconsider(dict.fromkeys(batch.changes), batch, str(error))
            return
        except SshsyncError as error:
            self._ledger.resent(0 if part else self._sent - before)
            raise error.about(_subject(batch)) from error

        if verdict.bad:
            self._ledger.resent(0 if part else sum(change.size for change, _ in verdict.bad))
            course.again = self._reconsider(dict(verdict.bad), batch, "")
        course.good = tuple(self._with_room(self._at_rest(verdict.good)))

    def _at_rest(self, changes: tuple[Transfer, ...]) -> list[Transfer]:
        """Leave out what began to change on the master since it was scanned: only half of it may have been written."""
        if not self._wary:
            return list(changes)
        moving = self._looks.still(self._parent, self._source_root, [change.new for change in changes])
        self.restless += [change for change in changes if change.key in moving]
        self._ledger.resent(sum(change.size for change in changes if change.key in moving))
        return [change for change in changes if change.key not in moving]

    def _staged(self, load: Load, *, salvaged: bool = False) -> Staged:
        in_the_way = [key for change in load.changes for key in self.in_the_way.get(change.key, ())]
        return Staged(load, tuple(dict.fromkeys(in_the_way)), salvaged)

    def _hold(self, staged: Staged) -> Staged:
        self._tools.held.add(staged.load.place)
        return staged

    def _discard_abandoned(self) -> None:
        """Remove what earlier attempts left, before another one needs the room; what cannot go yet is kept in mind."""
        free = [load for load in self._abandoned if load.place not in self._tools.held]
        with suppress(HostError):
            self._staging.discard(place.encode() for load in free for place in load.places)
            self._abandoned = [load for load in self._abandoned if load not in free]

    def _ends(self, load: Load, *, paced: bool) -> Ends:
        """Return both ends; what a `synccmd` moves is past before anybody could slow it down."""
        asking, parts = self._asking, self._parts

        def moved(count: int) -> None:
            if isinstance(load, Part):
                parts.count(load, count)
            (self._moved_in_time if paced else self._moved)(count)

        def sent(span: Span, digest: Digest) -> None:
            if isinstance(load, Part):
                parts.sent(load, span, digest)

        return Ends(
            self._parent,
            self._child,
            asking.session(self._parent),
            asking.session(self._child),
            self._source_root,
            self._staging.root,
            moved,
            asking.stop.check,
            self._complaints.__setitem__,
            chunks=parts.means.algorithm if isinstance(load, Part) and parts.means else "",
            chunk=parts.chunk,
            sent=sent,
            streams=self._child.streams,
            lane=lambda number: (asking.lane(self._parent, number), asking.lane(self._child, number)),
            clock=asking.monotonic,
        )

    def _moved(self, count: int) -> None:
        self._sent += count
        self._asking.emit(Progress(self._child.name, count))

    def _moved_in_time(self, count: int) -> None:
        self._moved(count)
        self._pace(count)

    def _digests(self, load: Load, kept: Iterable[Span]) -> dict[Key, Digest | None]:
        """Return the digests of what is kept of a load; what is not has none."""
        sizes = {span.key: span.length for span in kept}
        if not isinstance(load, Part):
            return self._looks.digests(self._child, self._staging.root, below_of(load), sizes) if sizes else {}
        name = load.name.encode()
        found = self._looks.digests(self._child, self._staging.root, PARTS, {name: load.size}) if sizes else {}
        return {change.key: found.get(name) for change in load.changes}

    def _with_room(self, changes: Iterable[Transfer]) -> list[Transfer]:
        """Leave out, as failed, files in whose place is a directory with more in it than was listed: that stays."""
        fit = []
        for change in changes:
            listed = self.in_the_way.get(change.key, ())
            below = change.key + b"/"
            strange: list[Key] = []
            if any(other.startswith(below) for other in listed):
                strange = sorted({below + name for name in self._staging.below(change.key)} - set(listed))
            if strange:
                words = f"{len(strange)} thing(s) stay in there, such as {visible(strange[0])}"
                self._ledger.fail(change.key, f"its place is a directory, and {words}")
            else:
                fit.append(change)
        return fit

    def _reconsider(self, found: dict[Transfer, Digest | None], batch: Batch, reason: str) -> list[Batch]:
        """Find out why items are wrong, and decide which are tried again.

        A file that changed on the master is planned anew with its new digest, a few times; where it has to be left
        alone for a while first, it is put aside. One that did not change was corrupted on the way and is sent again,
        less often. When a whole batch broke off because of some files, the others are innocent: they go again
        together without those; where it cannot be told which files did it, they go in halves until it can.
        """
        seen = self._looks.look_again(self._parent, self._source_root, [change.key for change in found])
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
                self._ledger.fail(change.key, f"it vanished on {self._parent.name}")
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
            self._ledger.fail(key, f"its copy on {self._parent.name} is not the verified one", Outcome.BLOCKED)
            return False
        self._tries[key, "changed"] += 1
        if self._tries[key, "changed"] >= self._child.retries.changed:
            self._ledger.fail(key, "still being written", Outcome.DEFERRED, 0)
            return False
        return True

    def _may_repeat(self, change: Transfer, digest: Digest | None, reason: str) -> bool:
        self._tries[change.key, "corrupt"] += 1
        if self._tries[change.key, "corrupt"] < self._child.retries.corrupt:
            return True
        words = self._complaints.get(change.key) or _why(digest, reason)
        self._ledger.fail(change.key, words, code=IntegrityError.code if digest else PARTIAL)
        return False

    def _retry(self, step: str, operation: Callable[[], T]) -> T:
        """Only what is kept is progress: items that are published, and bytes of parts that are known to be right."""
        reached = self._ledger.reached
        return self._asking.retry(self._child, step, operation, lambda: len(reached.published) + self._parts.kept)


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
