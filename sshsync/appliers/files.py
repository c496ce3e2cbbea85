"""The applier of files: room and names are looked at before, young files wait, changes travel by strategies."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from sshsync.appliers.arrivals import Arrivals
from sshsync.appliers.base import Feed, Reached, Site
from sshsync.appliers.deltas import Held
from sshsync.appliers.foretold import alike, foretold
from sshsync.appliers.ledger import Ledger
from sshsync.appliers.looks import Looks
from sshsync.appliers.mend import MEND, Mend, changed, mended
from sshsync.appliers.moves import Mover, Tools
from sshsync.appliers.parts import Parts
from sshsync.appliers.proofs import means_of
from sshsync.appliers.restore import Restoring
from sshsync.appliers.reuse import REUSE, Made, Reuse, Twins, reused, twins
from sshsync.appliers.staged import Staged
from sshsync.appliers.staging import Staging
from sshsync.core import guard, verify
from sshsync.errors import CommandError
from sshsync.hosts.asking import Asking
from sshsync.kinds.files import Files
from sshsync.kinds.refusals import barred
from sshsync.model.change import Adjust, Delete, Replace, Transfer
from sshsync.model.empties import Empties
from sshsync.model.item import Item, Key
from sshsync.model.links import Link
from sshsync.model.prepared import Outlook, Prepared
from sshsync.model.row import Stamp
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.remote.probe import Capabilities
from sshsync.transfers.base import Strategy
from sshsync.transfers.choose import choose
from sshsync.transfers.load import PACKED, SMALL, STREAMED, Batch, Load, Pack, Part, above, batches
from sshsync.transfers.pace import wall
from sshsync.transfers.reads import Reads

_LOOK = 0.2
"""Seconds between two looks whether the parent shows what a follower has verified."""


class FileAppliers(Restoring):
    """Makes the appliers of all links of a run that one process carries out.

    Args:
        asking: how hosts are spoken to.
        strategies: how bytes move, by name.
        reads: what is being read of parents, for all links.
    """

    def __init__(self, asking: Asking, strategies: Mapping[str, Strategy], reads: Reads) -> None:
        super().__init__(asking, Looks(asking, Files()))
        self._reads = reads
        self._strategies = {**strategies, REUSE: Reuse(), MEND: Mend(self._looks, reads)}

    def __call__(self, site: Site) -> "FileApplier":
        """Return the applier for one link."""
        self._reads.expect(site.parent.name, site.child.name)
        return FileApplier(site, self._asking, self._looks, self._strategies, self._reads)

    def ways(self, repository: Repository, capabilities: Capabilities) -> Mapping[str, str]:
        """See `Appliers`."""
        commands = repository.commands
        moves = choose(b"plain", repository, streams=capabilities.streams).strategy if repository.parent else ""
        return {
            "list": "listcmd" if commands.listing else f"built in ({capabilities.stat})",
            "digest": "digestcmd" if commands.digest else "built in",
            "transfer": "synccmd" if moves == "command" else moves,
        }


class FileApplier:
    """See `Applier`."""

    def __init__(
        self, site: Site, asking: Asking, looks: Looks, strategies: Mapping[str, Strategy], reads: Reads
    ) -> None:
        self._site = site
        self._reads = reads
        self._asking = asking
        self._looks = looks
        self._strategies = strategies
        child = site.child
        session, narrowed, group = partial(asking.session, child), bool(child.narrowed), child.file_group
        self._staging = Staging(session, site.root, site.lease, group=group, keep=site.keep, narrowed=narrowed)
        self._ledger = Ledger(asking.emit, site.child.name)
        self._held: set[str] = set()
        self._parts: Parts | None = None
        self._present: set[Key] = set()
        self._twins: dict[Key, Item] = {}
        self._mover: Mover | None = None

    @property
    def reached(self) -> Reached:
        """See `Applier`."""
        self._ledger.reached.durable = self._staging.durable
        return self._ledger.reached

    def foresee(self, prepared: Prepared, *, make: bool) -> Outlook:
        """Refuse what does not fit, and files that cannot lie side by side there."""
        if not prepared.changes.transfers:
            return Outlook()
        if not make and self._streams:
            child, asking = self._site.child, self._asking
            away = asking.retry(child, "room", lambda: asking.session(child).round_trip)
            for words in foretold(prepared, means_of(self._site, asking), child.bwlimit.at(wall(asking.clock())), away):
                self._ledger.decide(words)
        room = self._asking.retry(self._site.child, "room", lambda: self._staging.room(make=make))
        if room.barred:
            raise barred(self._site.child, room.barred)
        refusal = guard.no_room(prepared.changes, room.free, keeps=bool(self._site.child.keep))
        if refusal or not room.folds:
            return Outlook(refusal=refusal)
        keys = {change.key for change in prepared.changes.transfers}
        twins = guard.twins({*keys, *prepared.child.items})
        words = "the child's file system takes it and {} for one file"
        return Outlook({key: words.format(visible(twin)) for key, twin in twins.items() if key in keys})

    def follow(self, prepared: Prepared, feed: Feed) -> Generator[Staged, None, None]:
        """See `Applier`."""
        self._ledger.tentative = True
        try:
            mover, parts = self._movers(prepared)
            wanted = {change.key: change for change in self._possible(prepared, mover) if change.new.digest}
            salvaged = list(mover.salvage(wanted.values()))
            for key in mover.salvaged:
                del wanted[key]
            arrivals = Arrivals(wanted, feed, parts, mover.check, self._alone)
            # Closed before anything goes on: what is staged comes from a thread of its own.
            with closing(mover.move((b for changes in arrivals for b in self._batches(changes)), _LOOK)) as moved:
                yield from self._in_turn(moved, mover, feed)
            yield from self._in_turn(salvaged, mover, feed)
        finally:
            self._ledger.tentative = False

    def _in_turn(self, moved: Iterable[Staged], mover: Mover, feed: Feed) -> Generator[Staged, None, None]:
        """Yield verified files once the parent shows them, too; what it gives up stays in staging for the next run.

        What the parent does not show yet keeps nothing that comes later from being shown.
        """
        waiting: list[tuple[Load, bool]] = []

        def shown() -> Iterator[Staged]:
            for salvaged in (True, False):
                fit = tuple(load for load, old in waiting if old is salvaged and _holds(feed, load))
                if fit:
                    waiting[:] = [one for one in waiting if one[0] not in fit]
                    yield mover.together(fit, salvaged=salvaged)

        for staged in moved:
            waiting += ((load, staged.salvaged) for load in staged.loads)
            yield from shown()
        while waiting:
            version, ended = feed.version, feed.ended
            yield from shown()
            if ended:
                break
            feed.wait(version, mover.check)
        for load, _ in waiting:
            if isinstance(load, Part) and self._parts:
                self._parts.adopt(load, load.place)

    def stage(self, prepared: Prepared) -> Generator[Staged, None, None]:
        """Salvage what is there, bring what has been at rest; then wait for the rest, and bring that."""
        followed = self._parts is not None
        mover, parts = self._movers(prepared)
        parts.only(prepared)
        for words in alike(len(self._twins)):
            self._ledger.decide(words)
        transfers = self._possible(prepared, mover)
        parent = self._site.parent
        young = verify.young(prepared.parent, parent.stable_for) if not parent.parent else {}
        settled = [change for change in transfers if change.key not in young]

        if not followed:
            yield from mover.salvage(settled)
        rest = self._batches([change for change in settled if change.key not in mover.salvaged])
        yield from mover.move(self._by_turns(rest, prepared.parent.root))
        late = [change for change in transfers if change.key in young]
        yield from self._late(prepared, mover, [*late, *mover.restless])

    def _movers(self, prepared: Prepared) -> tuple[Mover, Parts]:
        """Return what moves files; what is known of parts stays known."""
        held = Held(prepared.child.items, self._ledger.reached.published)
        parts = self._parts = self._parts or Parts(
            self._site,
            prepared.parent.root,
            self._asking,
            self._looks,
            self._staging,
            self._ledger,
            held=held,
            underway=prepared.underway,
        )
        tools = Tools(
            self._asking, self._looks, self._staging, self._ledger, parts, self._strategies, self._held, self._sent
        )
        self._mover = Mover(self._site, prepared, tools)
        self._twins = twins(prepared.changes.transfers, prepared.child.items) if self._streams else {}
        self._present = {place for key in prepared.child.items for place in above(key)}
        return self._mover, parts

    def publish(self, staged: Staged) -> Sequence[Item]:
        """Publish verified files; only their mode and time may still have to be set. What the child refuses is told."""
        bare = (
            load for load in staged.loads if not (isinstance(load, Pack) or (isinstance(load, Made) and load.marked))
        )
        unmarked = [load.unlike if isinstance(load, Twins) else load for load in bare]

        def attempt() -> Sequence[Item]:
            self._staging.mark(unmarked)
            unmarked.clear()
            return beside(lambda: self._make_visible(staged))

        beside = self._mover.beside if self._mover else lambda operation: operation()
        reached = self._ledger.reached
        known = self._asking.retry(self._site.child, "transfer", attempt, lambda: len(reached.published))
        self._held.difference_update(load.place for load in staged.loads)
        return known

    def _make_visible(self, staged: Staged) -> Sequence[Item]:
        stamps: dict[Key, Stamp] = {}
        empty, present = self._site.child.delete, self._present
        refused = self._staging.publish(
            staged.loads, staged.in_the_way, empty=empty, present=present, tell=stamps.update
        )
        self._ledger.deleted(staged.in_the_way)
        for key, words in refused.items():
            self._ledger.turn_down(key, words)
        done = [change.new for change in staged.changes if change.key not in refused]
        self._ledger.published(done, salvaged=staged.salvaged)
        return [item.stamped(stamps[item.key]) for item in done if _as_staged(item, stamps.get(item.key))]

    def adjust(self, prepared: Prepared) -> None:
        """Set modes and times, and those of published files that they could not be sent with; look whether it helped.

        A file system may cut a time that it cannot hold and say nothing.
        """
        child, published = self._site.child, self._ledger.reached.published
        items = {change.key: change.new for change in prepared.changes.of(Adjust)}
        asked = items | {key: item for key, item in published.items() if item is not item.portable()}
        if not asked:
            return

        self._asking.retry(child, "adjust", lambda: self._staging.adjust(asked.values()))
        look = self._looks.look(child, self._site.root, list(asked))
        seen, other = look.items, look.unmarked
        refused = {k for k, item in asked.items() if k not in seen or k in other or seen[k].marks != item.marks}
        if refused:
            such = visible(next(key for key in asked if key in refused))
            what = "mode, time or group" if child.file_group else "mode or time"
            words = f"{what} of {len(refused)} file(s) cannot be set, such as {such}; their bytes are right"
            self._ledger.remark(words)
        self._ledger.adjusted(item for key, item in items.items() if key not in refused)

    def clear(self) -> None:
        """Leave nothing in staging but parts of files that could not be brought whole: the next run goes on with them.

        What a late receiver still makes there goes with that, too.
        """
        keep = self._parts.places if self._parts else []
        try:
            self._asking.retry(self._site.child, "staging", lambda: self._staging.clear(keep))
        except CommandError as error:
            self._ledger.remark(f"staging is not empty yet: {error.what}")

    def delete(self, deletions: Sequence[Delete]) -> None:
        """See `Applier`."""
        keys, size = [change.key for change in deletions], sum(change.old.size for change in deletions)
        refused = self._asking.retry(self._site.child, "delete", lambda: self._staging.delete(keys, size))
        for key, words in refused.items():
            self._ledger.turn_down(key, f"it cannot be deleted: {words}")
        self._ledger.deleted(key for key in keys if key not in refused)

    def link(self, links: Sequence[Link]) -> None:
        """See `Applier`."""
        child, room = self._site.child, self._site.child.delete
        refused = self._asking.retry(child, "link", lambda: self._staging.link(links, empty=room))
        for key, words in refused.items():
            self._ledger.turn_down(key, words)
        self._ledger.linked(link for link in links if link.key not in refused)

    def arrange(self, empties: Empties) -> None:
        """See `Applier`; one to be removed in which something lies now stays without a word."""
        done, refused = self._asking.retry(self._site.child, "arrange", lambda: self._staging.arrange(empties))
        for key, words in refused.items():
            self._ledger.turn_down(key, words)
        self._ledger.arranged(done)

    def rotate(self) -> None:
        """See `Applier`."""
        count = self._site.child.keep
        try:
            self._asking.retry(self._site.child, "keep", lambda: self._staging.rotate(count))
        except CommandError as error:
            self._ledger.remark(f"more is kept than the last {count} run(s) put aside: {error.what}")

    def abandon(self) -> None:
        """See `Applier`."""
        self._staging.clear()
        if self._parts:
            self._parts.lost()

    def _possible(self, prepared: Prepared, mover: Mover) -> list[Transfer]:
        """Give up what can find no place, and return the other transfers."""
        refused = prepared.outlook.refused
        delete = self._site.child.delete
        stays = guard.without_room(prepared.changes, mover.in_the_way, prepared.refusal)
        for key, other in stays.items():
            if key not in refused:
                self._ledger.fail(key, guard.no_place(key, other, prepared, one=Files.words.one, delete=delete))
        for key, words in refused.items():
            self._ledger.refuse(key, words)
        return [c for c in prepared.changes.transfers if c.key not in refused and c.key not in stays]

    def _late(self, prepared: Prepared, mover: Mover, young: list[Transfer]) -> Generator[Staged, None, None]:
        """Bring what was written just now, once it was left alone for long enough; within the run's one wait."""
        if not young:
            return
        mover.restless.clear()
        keys = [change.key for change in young]
        quiet = self._looks.settle(self._site.parent, prepared.parent, keys).items
        for key in keys:
            if key not in quiet:
                self._ledger.defer(key)
        fresh = [replace(change, new=quiet[change.key]) for change in young if change.key in quiet]

        yield from mover.move(self._batches([change for change in fresh if _differs(change)]))
        for change in mover.restless:
            self._ledger.defer(change.key)

    def _alone(self, change: Transfer) -> bool:
        """Tell whether a file comes as a part of its own, of which any range can be brought by itself.

        Staging is for the account of sshsync alone, so only the relay reads it: others may log in as somebody else.
        """
        able = self._parts is not None and self._parts.means is not None
        return able and change.size >= SMALL and choose(change.key, self._site.child).strategy == PACKED

    def _by_turns(self, batches: Iterable[Batch], root: bytes) -> Iterator[Batch]:
        """Yield batches, each time first one that is read for a sibling just then."""
        left = deque(batches)
        while left:
            number = self._reads.first(self._site.parent.name, root, self._site.child.name, (b.load for b in left))
            left.rotate(-number)
            batch = left.popleft()
            left.rotate(number)
            yield batch

    @property
    def _streams(self) -> bool:
        """Whether files come as streams, of which parts may be left out."""
        return choose(b"plain", self._site.child).strategy in STREAMED

    def _batches(self, changes: list[Transfer]) -> tuple[Batch, ...]:
        """Return how changes are brought: what the child has already is copied there, before anything changes."""
        rest = [change for change in changes if change.key not in self._twins]
        able = bool(self._asking.capabilities(self._site.child).cutters)
        made = [*reused(changes, self._twins, marked=able), *self._mended(rest)]
        done = {change.key for batch in made for change in batch.changes}
        return (*made, *self._sent([change for change in rest if change.key not in done]))

    def _mended(self, changes: list[Transfer]) -> list[Batch]:
        """Return batches of changes of which only what differs is sent."""
        means = self._parts.means if self._parts else None
        if means is None or not means.content:
            return []
        child = self._site.child
        packed = [change for change in changes if choose(change.key, child).strategy == PACKED]
        return mended(packed, changed(packed), child.bwlimit.at(wall(self._asking.clock())))

    def _sent(self, changes: Sequence[Transfer]) -> tuple[Batch, ...]:
        source, target = (self._asking.capabilities(end) for end in (self._site.parent, self._site.child))
        moves = []
        for change in changes:
            choice = choose(change.key, self._site.child, streams=source.streams and target.streams)
            if choice.strategy:
                moves.append((change, choice.strategy))
            else:
                self._ledger.refuse(change.key, choice.reason)
        return batches(moves, pack="tar" in target.tools)


def _as_staged(item: Item, now: Stamp | None) -> bool:
    """Tell whether a published file bears the size and the time with which it was staged: else it was written to."""
    return now is not None and (now.size, now.mtime_ns // 1_000_000_000) == (item.size, item.mtime)


def _differs(change: Transfer) -> bool:
    return not isinstance(change, Replace) or change.old.digest != change.new.digest


def _holds(feed: Feed, load: Load) -> bool:
    """Tell whether a parent shows all of a load."""
    return all(feed.holds(change.new) for change in load.changes)
