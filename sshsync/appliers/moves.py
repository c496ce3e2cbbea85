"""Moves: fetch and verify, load by load, until every item is staged for publication or its failure is known."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from sshsync.appliers.ahead import ahead
from sshsync.appliers.base import Site
from sshsync.appliers.ledger import PARTIAL, Ledger
from sshsync.appliers.looks import Looks
from sshsync.appliers.staging import Leftover, Staging, lies
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
from sshsync.hosts.retrying import Branch, T
from sshsync.model.change import Transfer
from sshsync.model.events import Outcome, Progress
from sshsync.model.item import Digest, Key
from sshsync.model.prepared import Prepared
from sshsync.model.words import visible
from sshsync.transfers.base import Ends, Strategy, held
from sshsync.transfers.load import Batch, Load, Span, halves
from sshsync.transfers.pace import Pace
from sshsync.transports.base import REOPENED


@dataclass(frozen=True, slots=True)
class Staged:
    """Files that lie verified in staging, and become visible together.

    Attributes:
        in_the_way: listed files of the child that have to go before these can be published.
        salvaged: an earlier run had moved their bytes.
    """

    loads: tuple[Load, ...]
    in_the_way: tuple[Key, ...] = ()
    salvaged: bool = False

    @property
    def changes(self) -> Iterator[Transfer]:
        """The changes of all loads."""
        return (change for load in self.loads for change in load.changes)


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
    strategies: Mapping[str, Strategy]
    held: set[str]


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A batch that was brought, as far as it went.

    Attributes:
        load: how it lies in staging.
        kept: what lies there, closed.
        broken: why it broke off, where that is because of some of its files; "" where it did not.
    """

    batch: Batch
    load: Load
    kept: tuple[Span, ...] = ()
    broken: str = ""


_ROOM = 2
"""Batches that wait for their digests at the most."""

_WAITING = 64
"""Verified loads that wait for their publication at the most."""


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
        self._asking = replace(tools.asking, stop=Branch(tools.asking.stop))
        self._staging = tools.staging
        self._ledger = tools.ledger
        self._looks = tools.looks
        self._source_root = prepared.parent.root
        self._tries: Counter[tuple[Key, str]] = Counter()
        self._complaints: dict[Key, str] = {}
        self._sent = 0
        self._fetching = threading.BoundedSemaphore()
        self._abandoned: deque[Load] = deque()
        self._pace = Pace(site.child.bwlimit, tools.asking.monotonic, self._asking.stop.sleep)
        self._wary = not site.parent.parent and site.parent.stable_for > 0
        self.in_the_way = guard.in_the_way(prepared.changes, prepared.child)
        self.restless: list[Transfer] = []
        self.salvaged: set[Key] = set()

    def salvage(self, changes: Iterable[Transfer]) -> Generator[Staged, None, None]:
        """Yield what an interrupted attempt left complete in staging, then discard the rest."""
        wanted = {change.key: change for change in changes}
        for leftover in self._retry("staging", lambda: list(self._staging.leftovers(wanted))):
            with suppress(CommandError):
                if load := self._retry("staging", lambda: self._salvaged(leftover)):  # noqa: B023 - called at once
                    yield self._held((load,), salvaged=True)
        self._retry("staging", lambda: self._staging.clear(keep=self._tools.held))

    def _salvaged(self, leftover: Leftover) -> Load | None:
        """Bring a leftover under a name of ours, and return what of it is good."""
        self._staging.take_over(leftover)
        load = leftover.load
        fresh = [change for change in load.changes if change.key not in self.salvaged]
        found = self._digests([_Fetched(Batch("", load), load, load.spans)])
        good = self._with_room(verify.verify(fresh, found[load.attempt]).good)
        self.salvaged.update(change.key for change in good)
        return load.only(good) if good else None

    def move(self, batches: Iterable[Batch]) -> Generator[Staged, None, None]:
        """Yield all batches, as they are staged and verified; items that fail are events, not errors.

        One is brought while those before it are verified, and these while those before them are published by whoever
        takes them: all that is verified by then is yielded as one. Close it before anything goes on without it.

        Raises:
            SshsyncError: a host failed for good; what was published stays published.
        """
        todo = tuple(batches)
        while todo:
            again: list[Batch] = []
            verified = ahead(self._verified(self._fetched(todo), again), _WAITING, self._give_up)
            with closing(verified):
                for loads in verified:
                    yield self._held(loads)
            todo = tuple(again)

    def _give_up(self) -> None:
        self._asking.stop.set(0)

    def _fetched(self, batches: Iterable[Batch]) -> Generator[_Fetched, None, None]:
        """Bring batches; each try under a name of its own, for a receiver of the one before may still write."""
        for batch in batches:
            yield self._retry("transfer", lambda: self._fetch_anew(batch))  # noqa: B023 - called at once

    def _fetch_anew(self, batch: Batch) -> _Fetched:
        """Fetch under a new name; at once again, a few times, when a channel ended before its command had begun."""
        for left in reversed(range(REOPENED + 1)):
            self._discard_abandoned()
            load = batch.load.at(self._staging.attempt())
            ends = self._ends(paced=batch.strategy != "command")
            try:
                return self._fetch(batch, load, ends)
            except SshsyncError as error:
                self._abandoned.append(load)
                late = isinstance(error, ConnectionLostError) and not error.begun
                if not late or not left or not (ends.source.alive and ends.target.alive):
                    raise
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _fetch(self, batch: Batch, load: Load, ends: Ends) -> _Fetched:
        before = self._sent
        kept: list[Span] = []
        try:
            with held(self._fetching, self._asking.stop.check):
                self._tools.strategies[batch.strategy].fetch(load, load.spans, ends, kept.append)
        except SourceChangedError as error:
            self._ledger.resent(self._sent - before)
            return _Fetched(batch, load, (), str(error))
        except SshsyncError as error:
            self._ledger.resent(self._sent - before)
            raise error.about(_subject(batch)) from error
        return _Fetched(batch, load, tuple(kept))

    def beside(self, operation: Callable[[], T]) -> T:
        """Do something while a batch is brought; where that takes a host's only channel, as soon as it does not.

        Args:
            operation: safe to repeat.
        """
        try:
            return operation()
        except ConnectionLostError as error:
            if not error.narrow:
                raise
            with held(self._fetching, self._asking.stop.check):
                return operation()

    def _verified(self, fetched: Generator[_Fetched, None, None], again: list[Batch]) -> Generator[Load, None, None]:
        """Yield what is good of what was brought; what has to be brought once more is added to `again`."""
        brought = ahead(fetched, _ROOM, self._give_up)
        with closing(brought):
            for group in brought:
                found = self.beside(lambda: self._digests(group))  # noqa: B023 - called at once
                verdicts = [verify.verify(one.batch.changes, found[one.load.attempt]) for one in group]
                good = [change for verdict in verdicts for change in verdict.good]
                rest = self.beside(lambda: self._at_rest(good))  # noqa: B023 - called at once
                for one, verdict in zip(group, verdicts, strict=True):
                    if verdict.bad:
                        self._ledger.resent(0 if one.broken else sum(change.size for change, _ in verdict.bad))
                        again += self._reconsider(dict(verdict.bad), one.batch, one.broken)
                        self._abandoned.append(one.load)
                    fit = self._with_room(change for change in verdict.good if change.key in rest)
                    if fit:
                        self._tools.held.add(one.load.place)
                        yield one.load.only(fit)

    def _at_rest(self, changes: list[Transfer]) -> set[Key]:
        """Leave out what began to change on the master since it was scanned: only half of it may have been written."""
        if not self._wary:
            return {change.key for change in changes}
        moving = self._looks.still(self._parent, self._source_root, [change.new for change in changes])
        self.restless += [change for change in changes if change.key in moving]
        self._ledger.resent(sum(change.size for change in changes if change.key in moving))
        return {change.key for change in changes} - moving

    def _held(self, loads: tuple[Load, ...], *, salvaged: bool = False) -> Staged:
        """Return loads as what is published together; until it is, nobody clears them away."""
        self._tools.held.update(load.place for load in loads)
        in_the_way = (key for load in loads for change in load.changes for key in self.in_the_way.get(change.key, ()))
        return Staged(loads, tuple(dict.fromkeys(in_the_way)), salvaged)

    def _discard_abandoned(self) -> None:
        """Remove what earlier attempts left, before another one needs the room; what cannot go yet is kept in mind."""
        seen = [self._abandoned.popleft() for _ in range(len(self._abandoned))]
        free = [load for load in seen if load.place not in self._tools.held]
        self._abandoned.extend(load for load in seen if load not in free)
        try:
            self._staging.discard(place.encode() for load in free for place in load.places)
        except HostError:
            self._abandoned.extend(free)

    def _ends(self, *, paced: bool) -> Ends:
        """Return both ends; what a `synccmd` moves is past before anybody could slow it down."""
        asking = self._asking
        return Ends(
            self._parent,
            self._child,
            asking.session(self._parent),
            asking.session(self._child),
            self._source_root,
            self._staging.root,
            self._moved_in_time if paced else self._moved,
            asking.stop.check,
            self._complaints.__setitem__,
        )

    def _moved(self, count: int) -> None:
        self._sent += count
        self._asking.emit(Progress(self._child.name, count))

    def _moved_in_time(self, count: int) -> None:
        self._moved(count)
        self._pace(count)

    def _digests(self, group: Sequence[_Fetched]) -> dict[str, dict[Key, Digest | None]]:
        """Return the digests of what was kept of each load, by its attempt; what was not kept has none.

        The host's tool is asked once for all of them; a `digestcmd` sees each file by its own name.
        """
        wanted: dict[Key, dict[Key, int]] = {}
        for one in group:
            below, name = lies(one.load, together=not self._child.commands.digest)
            wanted.setdefault(below, {}).update((name(span.key), span.length) for span in one.kept)
        found = {
            below: self._looks.digests(self._child, self._staging.root, below, sizes) if sizes else {}
            for below, sizes in wanted.items()
        }
        made: dict[str, dict[Key, Digest | None]] = {}
        for one in group:
            below, name = lies(one.load, together=not self._child.commands.digest)
            made[one.load.attempt] = {span.key: found[below].get(name(span.key)) for span in one.kept}
        return made

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
        """Only what is published is progress: an attempt that kept nothing is none."""
        reached = self._ledger.reached
        return self._asking.retry(self._child, step, operation, lambda: len(reached.published))


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
