"""What a link tells of its plan before it begins."""

from collections import Counter

from sshsync.appliers.base import Reached
from sshsync.model import events as ev
from sshsync.model.change import Action, Changes, Delete
from sshsync.model.events import Emit, Outcome, key_text
from sshsync.model.order import Order
from sshsync.model.prepared import Prepared


def announce(emit: Emit, order: Order, prepared: Prepared, reached: Reached | None) -> None:
    """Tell what is going to happen; in a dry run each change.

    Args:
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
        )
    )
    if not order.dry_run:
        return
    for change in changes.changes:
        if not isinstance(change, Delete) or not prepared.refusal:
            emit(ev.PlannedChange(name, change.action, key_text(change.key), change.size))


def tell_blocked(emit: Emit, name: str, changes: Changes) -> int:
    """Tell what is held back, and return how many items that are."""
    for problem in changes.blocked:
        emit(ev.ItemFailed(name, key_text(problem.key), problem.reason, Outcome.BLOCKED))
    return len(changes.blocked)
