"""Moves: fetch and verify, load by load, until every item is staged for publication or its failure is known."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import count

from sshsync.appliers.abandoned import Abandoned
from sshsync.appliers.again import Again
from sshsync.appliers.ahead import ahead
from sshsync.appliers.base import Site
from sshsync.appliers.flights import ABREAST, Flights, Shared
from sshsync.appliers.ledger import Ledger
from sshsync.appliers.looks import Looks
from sshsync.appliers.parts import Parts
from sshsync.appliers.reuse import Made
from sshsync.appliers.staged import Fetched, Staged
from sshsync.appliers.staging import Staging, lies
from sshsync.appliers.told import Leftover
from sshsync.core import guard, verify
from sshsync.errors import (
    CommandError,
    ConnectionLostError,
    NotComingError,
    SourceChangedError,
    SshsyncError,
)
from sshsync.hosts.asking import Asking
from sshsync.hosts.retrying import Branch, T
from sshsync.model.change import Transfer
from sshsync.model.events import Progress
from sshsync.model.item import Key
from sshsync.model.prepared import Prepared
from sshsync.model.row import Digest
from sshsync.model.words import visible
from sshsync.transfers.base import Ends, Strategy
from sshsync.transfers.load import Batch, Load, Part, Span
from sshsync.transfers.wire import between
from sshsync.transports.base import REOPENED


@dataclass(frozen=True, slots=True)
class Tools:
    """What moves files.

    Attributes:
        held: places in staging whose files are verified and wait for their publication: nobody clears them away.
        sent: gives the batches in which changes are sent.
    """

    asking: Asking
    looks: Looks
    staging: Staging
    ledger: Ledger
    parts: Parts
    strategies: Mapping[str, Strategy]
    held: set[str]
    sent: Callable[[Sequence[Transfer]], Iterable[Batch]]


_ROOM = 2
"""Batches that wait for their digests at the most."""

_WAITING, _LINGER = 64, 0.5
"""Verified loads that wait for their publication at the most, and for how many seconds they wait for others: each
publication flushes the child's disk twice."""


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
        self._parts = tools.parts
        self._source_root = prepared.parent.root
        self._complaints: dict[Key, str] = {}
        self._sent: Counter[str] = Counter()
        self._flights = Flights()
        self._fetching = replace(self._asking, stop=Branch(self._asking.stop))
        self._abandoned = Abandoned(tools.staging, tools.held)
        clocks = tools.asking.clock, tools.asking.monotonic
        self._wire = between(site.parent, site.child, self._asking.stop, clocks, self._ledger.decide)
        self._wary = not site.parent.parent and site.parent.stable_for > 0
        self.in_the_way = guard.in_the_way(prepared.changes, prepared.child)
        self.restless: list[Transfer] = []
        self.salvaged: set[Key] = set()
        self._again = Again(
            site,
            self._source_root,
            tools.looks,
            tools.ledger,
            complaints=self._complaints,
            restless=self.restless,
            saved=tools.parts.saved,
        )

    @property
    def check(self) -> Callable[[], None]:
        """Raises when the moves have to end."""
        return self._asking.stop.check

    def salvage(self, changes: Iterable[Transfer]) -> Generator[Staged, None, None]:
        """Yield what an interrupted attempt left complete in staging, then discard the rest."""
        wanted = {change.key: change for change in changes}
        left = self._retry("staging", self._staging.left)
        for leftover in self._retry("staging", lambda: list(self._staging.leftovers(wanted, left))):
            with suppress(CommandError):
                if load := self._retry("staging", lambda: self._salvaged(leftover)):  # noqa: B023 - called at once
                    yield self.together((load,), salvaged=True)
        if left:
            self._retry("staging", lambda: self._staging.clear(keep=[*self._tools.held, *self._parts.places]))
        self._parts.forget()

    def _salvaged(self, leftover: Leftover) -> Load | None:
        """Bring a leftover under a name of ours, and return what of it is good."""
        load = leftover.load
        if isinstance(load, Part):
            return self._salvaged_part(leftover, load)
        self._staging.take_over(leftover)
        fresh = [change for change in load.changes if change.key not in self.salvaged]
        found = self._digests([Fetched(Batch("", load), load, load.spans)])
        good = self._with_room(verify.verify(fresh, found[load.attempt]).good)
        self.salvaged.update(change.key for change in good)
        return load.only(good) if good else None

    def _salvaged_part(self, leftover: Leftover, load: Part) -> Load | None:
        """Return a part that is whole and right; of any other the right ranges serve the move to come."""
        if load.change.key in self.salvaged or leftover.size > load.size:
            return None
        if leftover.size == load.size:
            self._staging.carry_on(leftover.name.rpartition("/")[2], load)
            found = self._digests([Fetched(Batch("", load), load, load.spans)])
            if verify.verify(load.changes, found[load.attempt]).good:
                self.salvaged.add(load.change.key)
                return load if self._with_room(load.changes) else None
        self._parts.adopt(load, load.place if leftover.size == load.size else leftover.name)
        return None

    def move(self, batches: Iterable[Batch], within: float | None = None) -> Generator[Staged, None, None]:
        """Yield all batches, as they are staged and verified; items that fail are events, not errors.

        Nothing is yielded, too, where nothing became ready within so many seconds.

        Some are brought while others are verified, and these while those before them are published by whoever takes
        them: all that is verified by then is yielded as one. Close it before anything goes on without it.

        Raises:
            SshsyncError: a host failed for good; what was published stays published.
        """
        todo: Iterable[Batch] = batches
        while True:
            again: list[Batch] = []
            shared = Shared(todo)
            # Who follows a parent is told what comes next when the last has come.
            fetched = [self._fetched(shared) for _ in range(1 if within else ABREAST)]
            verified = ahead(
                [self._verified(fetched, again)], _WAITING, self._give_up, within, 0 if within else _LINGER
            )
            with closing(verified):
                for loads in verified:
                    yield self.together(loads)
            if not again:
                return
            todo = tuple(again)

    def _give_up(self) -> None:
        self._asking.stop.set(0)

    def _fetched(self, batches: Iterable[Batch]) -> Generator[Fetched, None, None]:
        """Bring batches as they come; each try under a name of its own: a receiver of another may still write."""
        for batch in batches:
            tries = count()
            try:
                # What a part kept of a try is found out by the next; of a pack, nothing is ever kept.
                hope = isinstance(batch.load, Part)
                fetched = self._retry("transfer", lambda: self._fetch_anew(batch, tries), self._fetching, hope=hope)  # noqa: B023
            except NotComingError:
                continue
            except BaseException:
                # Whoever brings another batch need not find out for himself.
                self._fetching.stop.set(0)
                raise
            yield fetched

    def _fetch_anew(self, batch: Batch, tries: Iterator[int]) -> Fetched:
        """Fetch under a new name; at once again, a few times, when a channel ended before its command had begun."""
        again = next(tries) > 0
        for left in reversed(range(REOPENED + 1)):
            with self._flights.of(batch, self._fetching.stop.check, again=again):
                self._abandoned.discard()
                load = batch.load.at(self._staging.attempt())
                ends = self._ends(load)
                try:
                    return self._fetch(batch, load, ends)
                except SshsyncError as error:
                    if not isinstance(load, Part):
                        self._abandoned.add(load)
                    late = isinstance(error, ConnectionLostError) and not error.begun
                    self._flights.narrow |= isinstance(error, ConnectionLostError) and error.narrow
                    if not late or not left or not (ends.source.alive and ends.target.alive):
                        raise
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _fetch(self, batch: Batch, load: Load, ends: Ends) -> Fetched:
        kept: list[Span] = []
        strategy = self._tools.strategies[batch.strategy]
        try:
            if isinstance(load, Part):
                self._parts.bring(load, strategy, ends)
                kept += load.spans
            else:
                strategy.fetch(load, load.spans, ends, kept.append)
        except SourceChangedError as error:
            self._ledger.resent(self._sent[load.attempt])
            return Fetched(batch, load, (), str(error))
        except SshsyncError as error:
            self._ledger.resent(self._sent[load.attempt])
            raise error.about(batch.subject) from error
        finally:
            sent = self._sent.pop(load.attempt, 0)
        return Fetched(batch, load, tuple(kept), sent=sent)

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
            self._flights.narrow = True
            with self._flights.none(self.check):
                return operation()

    def _verified(
        self, fetched: Sequence[Generator[Fetched, None, None]], again: list[Batch]
    ) -> Generator[Load, None, None]:
        """Yield what is good of what was brought; what has to be brought once more is added to `again`."""
        brought = ahead(fetched, _ROOM, self._give_up)
        with closing(brought):
            for group in brought:
                found = self.beside(lambda: self._digests(group))  # noqa: B023 - called at once
                verdicts = [verify.verify(one.batch.changes, found[one.load.attempt]) for one in group]
                good = [change for verdict in verdicts for change in verdict.good]
                rest = self.beside(lambda: self._at_rest(good))  # noqa: B023 - called at once
                for one, verdict in zip(group, verdicts, strict=True):
                    if isinstance(one.load, Made):
                        self._made(one, verdict, again)
                    elif verdict.bad:
                        told = one.broken or isinstance(one.load, Part)
                        self._ledger.resent(0 if told else sum(change.size for change, _ in verdict.bad))
                        more = self._again.reconsider(dict(verdict.bad), one.batch, one.broken)
                        self._let_go(one.load, more)
                        again += more
                    else:
                        self._spared(one.load)
                    fit = self._with_room(change for change in verdict.good if change.key in rest)
                    if fit:
                        self._tools.held.add(one.load.place)
                        yield one.load.only(fit)

    def _made(self, one: Fetched, verdict: verify.Verdict, again: list[Batch]) -> None:
        """Count what was not sent; what was not what it seemed to be is sent after all."""
        again += self._tools.sent(tuple(change for change, _ in verdict.bad))
        if verdict.good:
            saved = max(0, sum(change.size for change in verdict.good) - one.sent)
            self._ledger.saved(verdict.good[0].key, saved + self._wire.spared(one.load, one.sent))
        else:
            self._ledger.resent(one.sent)
            self._abandoned.add(one.load)

    def _spared(self, load: Load) -> None:
        """Tell what of a good load did not have to be sent: it was copied on the child, or compressed on its way."""
        key, copied, sent = load.changes[0].key, 0, load.size
        if isinstance(load, Part):
            copied, sent = self._parts.saved(load.change), self._parts.spent(load)
            self._ledger.found(key, load.size - copied - sent)
            self._parts.done(load)
        self._ledger.saved(key, copied + self._wire.spared(load, sent))

    def _let_go(self, load: Load, again: list[Batch]) -> None:
        """Have what was brought in vain removed, but for a part that another try goes on with."""
        if isinstance(load, Part):
            digests = {change.new.digest for batch in again for change in batch.changes}
            if load.change.new.digest in digests:
                self._parts.doubt(load)
                return
            if digests and self._parts.supersede(load.change.key, load.change.new.digest or ""):
                return
            self._parts.drop(load)
        self._abandoned.add(load)

    def _at_rest(self, changes: list[Transfer]) -> set[Key]:
        """Leave out what began to change on the master since it was scanned: only half of it may have been written."""
        if not self._wary:
            return {change.key for change in changes}
        moving = self._looks.still(self._parent, self._source_root, [change.new for change in changes])
        self.restless += [change for change in changes if change.key in moving]
        self._ledger.resent(sum(change.size for change in changes if change.key in moving))
        return {change.key for change in changes} - moving

    def together(self, loads: tuple[Load, ...], *, salvaged: bool = False) -> Staged:
        """Return loads as what is published together; until it is, nobody clears them away."""
        self._tools.held.update(load.place for load in loads)
        in_the_way = (key for load in loads for change in load.changes for key in self.in_the_way.get(change.key, ()))
        return Staged(loads, tuple(dict.fromkeys(in_the_way)), salvaged)

    def _ends(self, load: Load) -> Ends:
        """Return both ends."""
        asking, parts = self._fetching, self._parts

        def moved(size: int) -> None:
            if isinstance(load, Part):
                parts.count(load, size)
            else:
                self._sent[load.attempt] += size
            asking.emit(Progress(self._child.name, size))

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
            wire=self._wire,
            shared=self._ledger.shared,
        )

    def _digests(self, group: Sequence[Fetched]) -> dict[str, dict[Key, Digest | None]]:
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

    def _retry(self, step: str, operation: Callable[[], T], asking: Asking | None = None, *, hope: bool = False) -> T:
        """Only what is kept is progress: items that are published, and bytes of parts that are known to be right."""
        reached, parts = self._ledger.reached, self._parts
        return (asking or self._asking).retry(
            self._child, step, operation, lambda: len(reached.published) + parts.kept, lambda: parts.chunks * hope
        )
