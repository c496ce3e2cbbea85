"""One link: scan the child, decide what differs, guard; then an applier makes it true under the child's lease.

A link knows parents, guards, hooks, records and outcomes, and nothing of what items are: everything it finds out is an
event.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

from sshsync.appliers.base import Applier, Reached, Site
from sshsync.core import guard, verify
from sshsync.engine import reverting
from sshsync.engine.announce import announce, tell_besides, tell_blocked, tell_lost, tell_refused, tell_verified
from sshsync.engine.comparison import Comparison
from sshsync.engine.context import Context
from sshsync.engine.finish import finish
from sshsync.engine.flow import Flow, going_to_hold
from sshsync.engine.hooks import Hooks
from sshsync.engine.lease import Lease
from sshsync.engine.level import Level
from sshsync.engine.scan import Scanner
from sshsync.errors import BlockedError, CommandError, InterruptedRun, LeasedError, RefusedError, SshsyncError
from sshsync.model import events as ev
from sshsync.model.change import Changes
from sshsync.model.events import GOOD, Outcome
from sshsync.model.item import Key, Sealed, Snapshot
from sshsync.model.order import Blocked, Offer, Order
from sshsync.model.prepared import Prepared, Refusal


class Link:
    """Brings one repository to what its parent holds. Use as a context manager: it ends the lease.

    Attributes:
        held: what the child holds, or why that could not be seen; None while nobody looked.
        verified: its items that this link verified there (in a dry run: would have), perhaps among others.
    """

    def __init__(self, context: Context, scanner: Scanner, order: Order, flow: Flow | None = None) -> None:
        """Prepare the link.

        Args:
            context: the run's parts.
            scanner: what scans the child.
            order: what to do, with what the parent offers.
            flow: is told what the child has while the link is at work; None where nobody follows.
        """
        self._context = context
        self._scanner = scanner
        self._order = order
        self._child = context.tree.repositories[order.job.repository]
        self._parent = context.tree.repositories[order.job.parent]
        self._place = context.kind(self._child).place
        self._flow = flow
        self._exits = ExitStack()
        self._lease: Lease | None = None
        self._working: Applier[Any] | None = None
        self._hooked = False
        self._seen: Snapshot | None = None
        self._unseen: SshsyncError | None = None
        self._told = self._unknown = 0
        self._level = Level(context, self._parent, self._child)
        self._comparison = Comparison(context, scanner, self._parent, self._child)
        self.held: Snapshot | Blocked | None = None
        self.verified: Collection[Key] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.__exit__(kind, error, trace)

    @property
    def as_of(self) -> float:
        """The moment of the master's state that the parent offers; 0 when it offers none."""
        return self._order.offer.as_of if isinstance(self._order.offer, Offer) else 0.0

    def follow(self, feed: Flow) -> None:
        """Look at the child, take what the parent has while it is at work, and wait for what that offers in the end.

        What cannot be brought yet is left to what comes after this, without a word.

        Raises:
            LeasedError: another controller works there.
            SshsyncError: see `prepare`; or a host failed.
        """
        check = self._context.asking.stop.check
        try:
            self._seen = self._child_snapshot()
        except SshsyncError as error:
            # What is wrong with its parent is told first.
            self._unseen = error
        if offer := feed.begun(check):
            self._order = replace(self._order, offer=offer)
            prepared = self.prepare()
            if prepared.changes.transfers and not self._comparison.unlike(prepared.parent, prepared.child):
                prepared = self._under_lease(prepared)
                with self._at_work(prepared) as applier, closing(applier.follow(prepared, feed)) as pieces:
                    self._publish(applier, prepared, pieces)
                self._hold_reached(prepared, applier.reached)
        self._order = replace(self._order, offer=feed.final(check))

    def prepare(self) -> Prepared:
        """Scan, diff and guard: the part that a dry run shares with a real one.

        Raises:
            BlockedError: the parent offers nothing that may be passed on.
            RefusedError: a guard said no.
            SshsyncError: the child could not be scanned.
        """
        offer, records = self._offer(), self._context.records
        parent = offer.snapshot
        self._refuse(guard.emptied(parent, offer.recorded, self._place, allow_empty=self._parent.allow_empty))

        if self._unseen:
            raise self._unseen
        child, self._seen = self._seen or self._child_snapshot(), None
        recorded = records.count(self._child)
        self._refuse(guard.vanished(child, recorded, self._place))
        if plan := self._level.found(parent, child, recorded):
            self._context.emit(plan)
            return Prepared(parent, child, Changes((), ()))
        parent, child = self._scanner.opened(self._parent, parent), self._scanner.opened(self._child, child)
        if not (child.existed and child.work) and not self._order.dry_run:
            child = self._make_root()
        parent, child = self._comparison.comparable(parent, child, lambda: self._scan(cached=False))

        self._comparison.matched(parent, child)
        changes = self._comparison.changes(parent, child, self._held_back(offer, parent))
        refusal = guard.too_many_deletions(changes, child, self._child.max_delete)
        prepared = Prepared(parent, child, changes, refusal)
        reached = self._working.reached if self._working else None
        announce(self._context.emit, self._context.kind(self._child), self._order, prepared, reached)
        if not (changes.transfers or prepared.deletions) or not child.existed:
            return prepared
        if self._flow and changes.transfers:  # Who follows plans, and takes his lease, while this link does.
            self._flow.begin(*going_to_hold(prepared))
        outlook = self._applier(child).foresee(prepared, make=not self._order.dry_run)
        tell_besides(self._context.emit, self._child.name, outlook, dry_run=self._order.dry_run)
        self._refuse(outlook.refusal)
        tell_lost(self._context.emit, self._child.name, outlook)
        return replace(prepared, outlook=outlook)

    def foretell(self, prepared: Prepared) -> Outcome:
        """End a dry run: the next stage is planned as if this one had been carried out.

        Raises:
            RefusedError: the deletions are refused.
        """
        self._refuse(prepared.refusal)
        self._hold(prepared.expected(), prepared.parent.items)
        if self._tell_blocked(prepared) + tell_refused(self._context.emit, self._child.name, prepared.outlook):
            return Outcome.PARTIAL
        changes = prepared.changes
        return self._good(prepared, changed=bool(changes.changes or changes.empties or changes.links))

    def carry_out(self, prepared: Prepared) -> Outcome:
        """Bring, publish, adjust and delete what was prepared, under the lease of the child.

        Raises:
            LeasedError: another controller works there.
            SshsyncError: a host failed; what was published stays published and is on record.
        """
        prepared = self._under_lease(prepared)
        blocked = self._tell_blocked(prepared)
        if self._lease is None:
            return self._conclude(prepared, Reached(failed=blocked))

        with self._at_work(prepared) as applier:
            applier.reached.failed += blocked
            self._apply(applier, prepared)
        outcome = self._conclude(prepared, applier.reached)
        if self._child.keep and applier.reached.anything and outcome in GOOD:
            applier.rotate()
        return outcome

    def _under_lease(self, prepared: Prepared) -> Prepared:
        """Take the lease where something is to change; what is prepared then may be prepared anew for it."""
        if prepared.acts and self._lease is None and self._take_lease(prepared.child).followed:
            # Whoever had it may have changed the child after it was scanned.
            self.held = None
            prepared = self.prepare()
        return replace(prepared, underway=self._context.underway(self._child)) if self._lease else prepared

    @contextmanager
    def _at_work(self, prepared: Prepared) -> Iterator[Applier[Any]]:
        """Have the applier of this link; what it reached is known whatever goes wrong."""
        lease = self._lease
        assert lease is not None  # noqa: S101 - who works has it
        applier = self._working = self._working or self._applier(prepared.child, lease.token)
        try:
            yield applier
        except SshsyncError as error:
            self._hold_reached(prepared, applier.reached)
            if isinstance(error, CommandError):
                # Whoever took the child over has cleared our work away: what failed is only how we hear of it.
                lease.check()
                # The host answers, so what it could not take whole must not go on filling its disk.
                with suppress(SshsyncError):
                    applier.abandon()
            raise

    def _apply(self, applier: Applier[Any], prepared: Prepared) -> None:
        if prepared.acts:
            self._before(prepared)

        # Closed before anything else happens: what is staged may come from a thread of its own.
        with closing(applier.stage(prepared)) as pieces:
            self._publish(applier, prepared, pieces)
        applier.adjust(prepared)
        # Before deletions: what fails there must not keep what was staged on the child's disk.
        applier.clear()
        finish(self._context.emit, self._child.name, applier, prepared)

    def _publish(self, applier: Applier[Any], prepared: Prepared, pieces: Iterable[Any]) -> None:
        for group in self._context.publication(pieces):
            for staged in group:
                self._before(prepared)
                self._scanner.keep(self._child, applier.publish(staged))
                if self._flow:
                    self._flow.came(islice(applier.reached.published.values(), self._told, None))
                    self._told = len(applier.reached.published)

    def _before(self, prepared: Prepared) -> None:
        """Run the hook before the first change, once."""
        if not self._hooked:
            self._hooks(prepared).before()
            self._hooked = True

    def _conclude(self, prepared: Prepared, reached: Reached) -> Outcome:
        """Put on record what the child holds now, and say how the link ended."""
        well = prepared.parent.complete and not reached.failed and not reached.deferred
        self._hold_reached(prepared, reached, complete=well)
        self._record(prepared, reached)
        if reached.anything and isinstance(self.held, Snapshot):
            self.held = self._scanner.afterwards(self._child, self.held)
        with self._put_back(prepared):
            outcome = self._outcome(prepared, reached)
            if outcome in GOOD:
                self._hooks(prepared).after()
            return outcome

    @contextmanager
    def _put_back(self, prepared: Prepared) -> Iterator[None]:
        """Have put back what was changed and does not do well, where that is asked for."""
        try:
            yield
            reverting.check(self._child, self._working)
        except CommandError as error:
            if found := reverting.reverted(self._child, self._working, error):
                self._hold_reached(prepared, found.reached, complete=False)
                self._record(prepared, found.reached)
                raise found.error from error
            raise

    def _tell_blocked(self, prepared: Prepared) -> int:
        one = self._context.kind(self._child).words.one
        return tell_blocked(self._context.emit, self._child, prepared, one)

    def _take_lease(self, held: Snapshot, *, patient: bool = True) -> Lease:
        self._lease = self._exits.enter_context(Lease(self._context, self._child, held.work, patient=patient))
        return self._lease

    def _follow(self, held: Snapshot, left: Sequence[bytes]) -> None:
        """Take the lease of a child where somebody left work behind."""
        try:
            self._take_lease(held, patient=False)
        except CommandError:
            if any(name.startswith(b"lease/") for name in left):
                raise
            # What was left there may be what fills the disk.
            self._applier(held).clear()
            self._take_lease(held, patient=False)

    def _child_snapshot(self) -> Snapshot:
        """Scan the child; where somebody left work behind, take the lease before and look again after that.

        Once this link works there it is known what the child holds.
        """
        if self._working and isinstance(self.held, Snapshot):
            return self.held
        child = self._scan()
        if not child.existed or self._order.dry_run or self._lease:
            return child
        if child.left:
            try:
                self._follow(child, child.left)
            except LeasedError:
                # Where nothing has to change, it does not matter who else works there.
                return child
            # Whoever left that may have changed the child after it was scanned.
            child = self._scan()
        return child

    def _scan(self, *, create: bool = False, cached: bool = True) -> Snapshot:
        try:
            settled = self._lease is not None
            found = self._scanner.scan(self._child, create=create, cached=cached, settled=settled)
        except InterruptedRun:
            raise
        except SshsyncError as error:
            self.held = Blocked(str(error), error.code, error.transient)
            raise
        self.held = found
        return found

    def _make_root(self) -> Snapshot:
        made = self._scan(create=True)
        if not made.existed:
            words = f"cannot make its {self._place.name} {self._child.path}".rstrip()
            raise CommandError(words, where=self._child.name)
        return made

    def _offer(self) -> Offer:
        """Return what the parent offers.

        Raises:
            BlockedError: nothing.
        """
        offer = self._order.offer
        if isinstance(offer, Offer):
            if offer.remark:
                self._remark(offer.remark)
            return offer
        error = BlockedError(offer.reason if offer else f"its parent {self._parent.name} was not scanned")
        if offer:
            error.code, error.transient = offer.code or error.code, offer.transient
        raise error

    def _held_back(self, offer: Offer, parent: Snapshot) -> dict[Key, str]:
        """Return items of the parent that are not at the digest recorded when sshsync verified them there."""
        if not self._parent.parent:
            return {}
        found = verify.Standing(offer.altered, offer.unknown)
        if parent is not offer.snapshot:
            seen = self._context.part(self._parent, parent)
            found = verify.standing(seen, self._context.records.verified(self._parent))
        self._unknown = found.unknown
        if found.unknown:
            self._remark(verify.never_compared(found.unknown, self._parent.name))
        return dict.fromkeys(found.altered, verify.unlike_its_record(self._parent.name))

    def _hold_reached(self, prepared: Prepared, reached: Reached, *, complete: bool | None = None) -> None:
        """Keep in mind what the child holds now; `complete` when that is known to be all that its parent has."""
        came = {**reached.published, **reached.adjusted}
        held = prepared.child.after(came, reached.deleted, reached.empties, reached.links)
        now = prepared.child.complete if complete is None else complete
        self._hold(replace(held, existed=True, complete=now), reached.published)

    def _hold(self, snapshot: Snapshot, verified: Collection[Key]) -> None:
        self.held, self.verified = snapshot, verified

    def _record(self, prepared: Prepared, reached: Reached) -> None:
        """Put on record what was found equal to its origin, and forget what is gone; what is level is there."""
        if isinstance(prepared.child.items, Sealed):
            return
        recorded = self._context.records.verified(self._child)
        tell_verified(self._context.emit, self._child.name, prepared, recorded, reached.deleted)
        if not self._unknown:
            self._level.note(prepared)

    def _outcome(self, prepared: Prepared, reached: Reached) -> Outcome:
        self._refuse(prepared.refusal)
        if reached.failed:
            return Outcome.PARTIAL if reached.published or prepared.changes.unchanged else Outcome.FAILED
        if reached.deferred:
            return Outcome.DEFERRED
        if reached.published and not reached.durable:
            self._remark("durability not confirmed: the host cannot flush a file system")
        return self._good(prepared, changed=reached.anything)

    def _good(self, prepared: Prepared, *, changed: bool) -> Outcome:
        if withheld := prepared.changes.withheld:
            self._remark(f"{withheld} item(s) are not deleted: not all is known that {self._parent.name} holds")
            return Outcome.DEFERRED
        return Outcome.DONE if changed else Outcome.UNCHANGED

    def _applier(self, held: Snapshot, lease: str = "") -> Applier[Any]:
        note = self._flow.note if self._flow else None
        keep = self._order.run if self._child.keep else ""
        return self._context.appliers[self._child.type](
            Site(self._parent, self._child, held.root, held.work, lease, self._order.run, keep, note)
        )

    def _hooks(self, prepared: Prepared) -> Hooks:
        return Hooks(self._context, self._child, prepared.child.root)

    def _refuse(self, refusal: Refusal | None) -> None:
        if refusal:
            self._context.emit(ev.Refused(self._child.name, refusal.option))
            raise RefusedError(refusal.words)

    def _remark(self, words: str) -> None:
        self._context.emit(ev.Remarked(self._child.name, words))
