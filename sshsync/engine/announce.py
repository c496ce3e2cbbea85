"""What a link tells of its plan before it begins, and of what it found equal in the end."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice

from sshsync.appliers.base import Reached
from sshsync.core import guard, verify
from sshsync.errors import RefusedError
from sshsync.kinds.base import Kind
from sshsync.model import events as ev
from sshsync.model.change import Action
from sshsync.model.events import Emit, Outcome, key_text
from sshsync.model.item import Key
from sshsync.model.order import Order
from sshsync.model.prepared import Outlook, Prepared
from sshsync.model.row import Digest
from sshsync.model.topology import Repository
from sshsync.model.words import visible

_ROWS = 10_000
"""Items that are put on record at a time."""


def announce(emit: Emit, kind: Kind, order: Order, prepared: Prepared, reached: Reached | None) -> None:
    """Tell what is going to happen; in a dry run each change.

    Args:
        kind: what the items are.
        reached: what of it this link has brought about already, whose plan was another one then.
    """
    name, changes = order.job.repository, prepared.changes
    count = Counter(change.action for change in changes.changes)
    done = reached.published if reached else {}
    brought = sum(item.size for item in done.values())
    emit(
        ev.Planned(
            name,
            count[Action.COPY] + len(done),
            count[Action.REPLACE],
            count[Action.ADJUST],
            len(prepared.deletions),
            len(changes.unchanged),
            sum(change.size for change in changes.changes) + brought,
            changes.excluded,
            sum(prepared.parent.items[key].size for key in changes.unchanged),
            len(done),
            brought,
            len(changes.empties),
            len(changes.links),
            kind.words.bring,
        )
    )
    if not order.dry_run:
        return
    # Deletions that are refused, too: who has to decide about them wants to know which.
    for change in changes.changes:
        told = kind.told(change)
        row = name, change.action, key_text(change.key), change.size, kind.words.bring
        emit(ev.PlannedChange(*row, told.old, told.new, told.down))
    for link in changes.links:
        emit(ev.PlannedChange(name, "link" if link.old is None else "relink", key_text(link.key), 0))
    for word, keys in (("remove", changes.empties.remove), ("make", changes.empties.make)):
        for key in keys:
            emit(ev.PlannedChange(name, word, key_text(key), 0))


def tell_blocked(emit: Emit, child: Repository, prepared: Prepared, one: str) -> int:
    """Tell what is held back, and which links get no place; return how many. `one` is what an item is called."""
    for problem in prepared.changes.blocked:
        emit(ev.ItemFailed(child.name, key_text(problem.key), problem.reason, Outcome.BLOCKED))
    stays = prepared.standing()
    for key, other in stays.items():
        why = guard.no_place(key, other, prepared, one=one, delete=child.delete)
        emit(ev.ItemFailed(child.name, key_text(key), why, Outcome.FAILED))
    return len(prepared.changes.blocked) + len(stays)


def tell_refused(emit: Emit, name: str, outlook: Outlook) -> int:
    """Tell what cannot become what it should, as is known before anything begins; return how many."""
    for key, words in outlook.refused.items():
        code = outlook.codes.get(key, RefusedError.code)
        emit(ev.ItemFailed(name, key_text(key), words, Outcome.FAILED, code))
    return len(outlook.refused)


def tell_lost(emit: Emit, name: str, outlook: Outlook) -> None:
    """Tell what nobody can bring back to what it is now."""
    for key, words in outlook.lost.items():
        emit(ev.Remarked(name, f"there is no way back for {visible(key, 200)}: {words}"))


def tell_besides(emit: Emit, name: str, outlook: Outlook, *, dry_run: bool) -> None:
    """Tell what else changes, although nobody asked for it; also where nothing does, because that is too much."""
    only = dry_run or outlook.refusal is not None
    for one in outlook.besides:
        key, why = visible(one.key, 200), f", which {one.why} needs" if one.why else ""
        deed, told = "install", f"{key} {one.new}"
        if one.old:
            deed, told = ("replace", f"{key} {one.old} by {one.new}") if one.new else ("remove", f"{key} {one.old}")
        emit(ev.Remarked(name, f"{f'would also {deed}' if only else f'also {deed}s'} {told}{why}"))


def tell_verified(
    emit: Emit, name: str, prepared: Prepared, recorded: Iterable[tuple[Key, Digest]], deleted: Iterable[Key]
) -> None:
    """Tell what was found equal to its origin and is not on record, and what is gone; some thousands at a time."""
    news = verify.news(recorded, prepared.changes.unchanged, prepared.parent.items, prepared.child.items)
    gone = ((key, None) for key in deleted)
    rows = ((key_text(key), (item and item.digest) or "", item.size if item else 0) for key, item in chain(news, gone))
    while some := list(islice(rows, _ROWS)):
        emit(ev.Verified(name, some))
