"""One link: scan both ends, decide what differs, guard, move, delete; everything it finds out is an event."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from sshsync.core import choose, guard, verify
from sshsync.core.batch import batches
from sshsync.core.diff import diff
from sshsync.engine.context import Context
from sshsync.engine.hooks import Hooks
from sshsync.engine.lease import Lease
from sshsync.engine.moves import Mover
from sshsync.engine.offer import Offer
from sshsync.engine.prepared import Ended, Prepared
from sshsync.engine.scan import Scanner
from sshsync.errors import CommandError, LeasedError, RefusedError, SshsyncError
from sshsync.kinds import globs
from sshsync.model import events as ev
from sshsync.model.change import Action, Adjust, Changes, Delete, Replace, Transfer
from sshsync.model.events import GOOD, Outcome, key_text
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.plan import Job
from sshsync.model.words import visible
from sshsync.transfers.staging import Staging


class Link:
    """Brings one repository to what its parent holds. Use as a context manager: it ends the lease."""

    def __init__(self, context: Context, scanner: Scanner, job: Job, parent_ended: Ended | None) -> None:
        """Prepare the link.

        Args:
            context: the run's parts.
            scanner: the run's scans.
            job: what to do.
            parent_ended: how the parent fared in this run; None when it was not to be synchronized.
        """
        self._context = context
        self._scanner = scanner
        self._child = context.tree.repositories[job.repository]
        self._parent = context.tree.repositories[job.parent]
        self._offer = Offer(context, scanner, self._parent, self._child, parent_ended)
        self._held = ExitStack()
        self._lease: Lease | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, trace)

    def prepare(self, *, dry_run: bool) -> Prepared:
        """Scan, diff and guard: the part that a dry run shares with a real one.

        Raises:
            BlockedError: the parent offers nothing that may be passed on.
            RefusedError: a guard said no.
            SshsyncError: the child could not be scanned.
        """
        parent = self._offer.snapshot()
        before = self._context.records.count(self._parent)
        self._refuse(guard.emptied(parent, before, allow_empty=self._parent.allow_empty))
        child = self._child_snapshot(dry_run=dry_run)
        self._refuse(guard.vanished(child, self._context.records.count(self._child)))
        if not child.existed and not dry_run:
            child = self._make_root()
        if self._unlike(parent, child):
            # What a digestcmd calls may print another algorithm now than when digests were cached.
            for name in (self._parent.name, self._child.name):
                self._scanner.afresh(name)
            parent, child = self._offer.snapshot(), self._scanner.snapshot(self._child.name)
        self._same_algorithm(parent, child)
        wanted = globs.wanted(self._child.include, self._child.exclude)
        changes = diff(parent, child, delete=self._child.delete, wanted=wanted, blocked=self._offer.held_back(parent))
        young = verify.young(parent, self._parent.stable_for) if not self._parent.parent else {}
        refusal = guard.too_many_deletions(changes, child, self._child.max_delete)
        prepared = Prepared(parent, child, changes, frozenset(young), refusal)
        self._announce(prepared, details=dry_run)
        if changes.transfers and child.existed:
            prepared.twins = self._look_for_room(prepared, make=not dry_run)
        return prepared

    def carry_out(self, prepared: Prepared) -> tuple[Outcome, int]:
        """Move, adjust and delete what was prepared, under the lease of the child.

        Returns:
            The outcome, and the number of items that the child holds now.

        Raises:
            LeasedError: another controller works there.
            SshsyncError: a host failed; what was published stays published and is on record.
        """
        root = prepared.child.root
        if prepared.acts and self._lease is None and self._take_lease(root).followed:
            self._scanner.forget(self._child.name)
            prepared = self.prepare(dry_run=False)
        if self._lease is None:
            return self._conclude(prepared, self._mover(prepared, self._staging(root)), (), {})
        return self._change(prepared, self._staging(root, self._lease.token))

    def _take_lease(self, root: bytes, *, patient: bool = True) -> Lease:
        self._lease = self._held.enter_context(Lease(self._context, self._child, root, patient=patient))
        return self._lease

    def _follow(self, root: bytes, left: Sequence[bytes]) -> None:
        """Take the lease of a child where somebody left work behind."""
        try:
            self._take_lease(root, patient=False)
        except CommandError:
            if any(name.startswith(b"lease/") for name in left):
                raise
            # What was left there may be what fills the disk.
            self._context.retry(self._child, "staging", self._staging(root).clear)
            self._take_lease(root, patient=False)

    def _child_snapshot(self, *, dry_run: bool) -> Snapshot:
        """Scan the child; where somebody left work behind, take the lease before and look again after that."""
        name = self._child.name
        child = self._scanner.snapshot(name, create=False)
        if not child.existed or dry_run:
            return child
        left = self._context.retry(self._child, "staging", self._staging(child.root).names) if not self._lease else ()
        if left:
            try:
                self._follow(child.root, left)
            except LeasedError:
                # Where nothing has to change, it does not matter who else works there.
                return child
            # Whoever left that may have changed the child after it was scanned.
            self._scanner.forget(name)
            child = self._scanner.snapshot(name, create=False)
        return child

    def _change(self, prepared: Prepared, staging: Staging) -> tuple[Outcome, int]:
        mover = self._mover(prepared, staging)
        if prepared.acts:
            self._hooks(prepared).before()
        try:
            self._move(mover, prepared)
            adjusted = self._adjust(staging, prepared.changes, mover.published)
            self._clear(staging)
            deleted = self._delete(mover, prepared)
        except SshsyncError as error:
            self._scanner.put(self._result(prepared, mover, (), {}), frozenset(mover.published))
            if isinstance(error, CommandError):
                # The host answers, so what it could not take whole must not go on filling its disk.
                with suppress(SshsyncError):
                    staging.clear()
            raise
        return self._conclude(prepared, mover, deleted, adjusted)

    def _conclude(
        self, prepared: Prepared, mover: Mover, deleted: tuple[Key, ...], adjusted: dict[Key, Item]
    ) -> tuple[Outcome, int]:
        """Put on record what the child holds now, and say how the link ended."""
        result = self._result(prepared, mover, deleted, adjusted)
        well = prepared.parent.complete and not mover.failed and not mover.deferred
        result = replace(result, complete=well)
        self._scanner.put(result, frozenset(mover.published))
        self._record(prepared, (*deleted, *mover.removed))
        outcome = self._outcome(prepared, mover, bool(deleted or adjusted))
        if outcome in GOOD:
            self._hooks(prepared).after()
        return outcome, len(result.items)

    def _staging(self, root: bytes, lease: str = "") -> Staging:
        return Staging(lambda: self._context.session(self._child), root, lease)

    def _mover(self, prepared: Prepared, staging: Staging) -> Mover:
        """Return what moves the changes; the parent's items that must not be passed on have failed already."""
        in_the_way = guard.in_the_way(prepared.changes, prepared.child)
        mover = Mover(self._context, self._scanner, self._parent, self._child, staging, in_the_way)
        mover.failed += self.blocked(prepared.changes)
        return mover

    def _hooks(self, prepared: Prepared) -> Hooks:
        return Hooks(self._context, self._child, prepared.child.root)

    def _clear(self, staging: Staging) -> None:
        """Leave nothing in staging; what a late receiver still makes there goes with the next run."""
        try:
            self._context.retry(self._child, "staging", staging.clear)
        except CommandError as error:
            self._notice(f"staging is not empty yet: {error.what}")

    def _look_for_room(self, prepared: Prepared, *, make: bool) -> dict[Key, Key]:
        """Refuse what does not fit, and return what cannot lie side by side there."""
        staging = Staging(lambda: self._context.session(self._child), prepared.child.root)
        room = self._context.retry(self._child, "room", lambda: staging.room(make=make))
        self._refuse(guard.no_room(prepared.changes, room.free))
        if not room.folds:
            return {}
        return guard.twins({*(change.key for change in prepared.changes.transfers), *prepared.child.items})

    def _make_root(self) -> Snapshot:
        made = self._scanner.snapshot(self._child.name, create=True)
        if not made.existed:
            raise CommandError(f"cannot make {self._child.path}", where=self._child.name)
        return made

    def _unlike(self, parent: Snapshot, child: Snapshot) -> tuple[set[str], set[str]] | None:
        """Return the algorithms of child and parent when they have none in common."""
        ours, theirs = _algorithms(child), _algorithms(parent)
        if not self._child.commands.digest:
            ours = {self._context.algorithm(self._child)}
        return (ours, theirs) if ours and theirs and not ours & theirs else None

    def _same_algorithm(self, parent: Snapshot, child: Snapshot) -> None:
        if unlike := self._unlike(parent, child):
            ours, theirs = unlike
            raise CommandError(
                f"prints {'/'.join(sorted(ours))} digests, but {self._parent.name} prints {'/'.join(sorted(theirs))}",
                where=self._child.name,
                hint="set the same digest or digestcmd in both",
            )

    def _announce(self, prepared: Prepared, *, details: bool) -> None:
        changes = prepared.changes
        count = Counter(change.action for change in changes.changes)
        self._context.emit(
            ev.Planned(
                self._child.name,
                count[Action.COPY],
                count[Action.REPLACE],
                count[Action.ADJUST],
                0 if prepared.refusal else count[Action.DELETE],
                len(changes.unchanged),
                sum(change.size for change in changes.changes),
                changes.excluded,
                sum(prepared.parent.items[key].size for key in changes.unchanged),
            )
        )
        if not details:
            return
        for change in changes.changes:
            if not isinstance(change, Delete) or not prepared.refusal:
                self._context.emit(ev.PlannedChange(self._child.name, change.action, key_text(change.key), change.size))

    def _move(self, mover: Mover, prepared: Prepared) -> None:
        transfers = [change for change in prepared.changes.transfers if change.key not in prepared.twins]
        stays = guard.without_room(prepared.changes, mover.in_the_way, prepared.refusal)
        transfers = [change for change in transfers if change.key not in stays]
        for key, other in stays.items():
            mover.fail(key, prepared.no_room(key, other, delete=self._child.delete))
        for change in prepared.changes.transfers:
            if twin := prepared.twins.get(change.key):
                mover.refuse(change.key, f"the child's file system takes it and {visible(twin)} for one file")
        settled = [change for change in transfers if change.key not in prepared.young]
        young = [change for change in transfers if change.key in prepared.young]
        self._start(mover, mover.salvage(settled))
        self._move_young(mover, [*young, *mover.restless])

    def _move_young(self, mover: Mover, young: list[Transfer]) -> None:
        """Move what was written just now, once it was left alone for long enough; within the run's one wait."""
        if not young:
            return
        mover.restless.clear()
        quiet = self._scanner.settle(self._parent.name, [change.key for change in young]).items
        for change in young:
            if change.key not in quiet:
                mover.defer(change.key)
        fresh = [replace(change, new=quiet[change.key]) for change in young if change.key in quiet]
        self._start(mover, tuple(change for change in fresh if _differs(change)))
        for change in mover.restless:
            mover.defer(change.key)

    def _start(self, mover: Mover, changes: tuple[Transfer, ...]) -> None:
        source, target = (self._context.capabilities(end) for end in (self._parent, self._child))
        moves = []
        for change in changes:
            choice = choose.choose(change.key, self._child, streams=source.streams and target.streams)
            if choice.strategy:
                moves.append((change, choice.strategy))
            else:
                mover.refuse(change.key, choice.reason)
        mover.move(batches(moves, pack="tar" in target.tools))

    def _adjust(self, staging: Staging, changes: Changes, published: Mapping[Key, Item]) -> dict[Key, Item]:
        """Set modes and times, and those of published files that they could not be sent with; look whether it helped.

        A file system may cut a time that it cannot hold and say nothing.
        """
        items = {change.key: change.new for change in changes.of(Adjust)}
        asked = items | {key: item for key, item in published.items() if item is not item.portable()}
        if not asked:
            return {}
        self._context.retry(self._child, "adjust", lambda: staging.adjust(asked.values()))
        seen = self._scanner.look(self._child, staging.root, list(asked)).items
        refused = [key for key, item in asked.items() if key not in seen or seen[key].marks != item.marks]
        items = {key: item for key, item in items.items() if key not in set(refused)}
        if refused:
            such = visible(refused[0])
            self._notice(f"mode or time of {len(refused)} file(s) cannot be set, such as {such}; their bytes are right")
        if items:
            self._context.emit(ev.Adjusted(self._child.name, [key_text(key) for key in items]))
        return items

    def _delete(self, mover: Mover, prepared: Prepared) -> tuple[Key, ...]:
        deletions = prepared.changes.of(Delete)
        keys = tuple(change.key for change in deletions if change.key not in mover.removed)
        if not keys or prepared.refusal:
            return ()
        if mover.failed or mover.deferred:
            self._notice(f"{len(keys)} item(s) are not deleted because others failed or are still being written")
            return ()
        refused = self._context.retry(self._child, "delete", lambda: mover.staging.delete(keys))
        for key, words in refused.items():
            mover.turn_down(key, f"it cannot be deleted: {words}")
        keys = tuple(key for key in keys if key not in refused)
        if keys:
            self._context.emit(ev.Deleted(self._child.name, [key_text(key) for key in keys]))
        return keys

    def blocked(self, changes: Changes) -> int:
        """Tell what is held back, and return how many items that are."""
        for problem in changes.blocked:
            event = ev.ItemFailed(self._child.name, key_text(problem.key), problem.reason, Outcome.BLOCKED)
            self._context.emit(event)
        return len(changes.blocked)

    def _result(
        self, prepared: Prepared, mover: Mover, deleted: tuple[Key, ...], adjusted: dict[Key, Item]
    ) -> Snapshot:
        items = {**prepared.child.items, **mover.published, **adjusted}
        for key in (*deleted, *mover.removed):
            items.pop(key, None)
        return replace(prepared.child, items=items, existed=True)

    def _record(self, prepared: Prepared, deleted: tuple[Key, ...]) -> None:
        """Put on record what was found equal to its origin, and forget what is gone."""
        recorded = self._context.records.verified(self._child)
        parent = prepared.parent.items
        rows = [
            (key_text(key), parent[key].digest or "", parent[key].size)
            for key in prepared.changes.unchanged
            if recorded.get(key) != parent[key].digest
        ]
        gone = [key for key in recorded if key not in prepared.child.items and key not in parent]
        rows += [(key_text(key), "", 0) for key in (*gone, *deleted)]
        if rows:
            self._context.emit(ev.Verified(self._child.name, rows))

    def _outcome(self, prepared: Prepared, mover: Mover, changed: bool) -> Outcome:
        if prepared.refusal:
            raise RefusedError(prepared.refusal)
        if mover.failed:
            reached = mover.published or prepared.changes.unchanged
            return Outcome.PARTIAL if reached else Outcome.FAILED
        if mover.deferred:
            return Outcome.DEFERRED
        if mover.published and not mover.staging.durable:
            self._notice("durability not confirmed: the host cannot flush a file system")
        return Outcome.DONE if mover.published or changed else Outcome.UNCHANGED

    def _refuse(self, refusal: str) -> None:
        if refusal:
            raise RefusedError(refusal)

    def _notice(self, words: str) -> None:
        self._context.emit(ev.Remarked(self._child.name, words))


def _algorithms(snapshot: Snapshot) -> set[str]:
    return {item.digest.partition(":")[0] for item in snapshot.items.values() if item.digest}


def _differs(change: Transfer) -> bool:
    return not isinstance(change, Replace) or change.old.digest != change.new.digest
