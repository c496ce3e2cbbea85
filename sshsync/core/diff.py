"""Two snapshots become changes. Never asks what kind of item it is."""

from collections.abc import Callable, Collection, Mapping

from sshsync.model.change import Action, Adjust, Change, Changes, Copy, Delete, Replace
from sshsync.model.item import Item, Items, Key, Snapshot
from sshsync.model.problem import Problem

_ORDER = {action: number for number, action in enumerate(Action)}


def diff(
    parent: Snapshot,
    child: Snapshot,
    *,
    delete: bool,
    wanted: Callable[[Key], bool] = lambda _key: True,
    blocked: Mapping[Key, str] | None = None,
    mode: int | None = None,
) -> Changes:
    """Return what has to happen so that the child holds what the parent holds.

    Args:
        parent: what the child should hold; its problems are those of what takes part.
        child: what it holds; likewise.
        delete: whether items that the parent lacks are deleted. Nothing is deleted on incomplete
            knowledge: neither when the parent's snapshot is incomplete nor when the child's is.
        wanted: tells whether an item takes part; the others are neither copied nor deleted.
        blocked: items of the parent that must not be passed on, with the reason.
        mode: permissions that the child's items are to bear instead of those of the parent's.

    Guarantees:
        Applying the changes to the child gives the parent's digests for every wanted, unblocked item; and whatever may
        be missing in that, because somebody could not look at it, is blocked.
    """
    there, here = Items.of(parent.items), Items.of(child.items)
    held_back = {**_undigested(parent, there), **(blocked or {})}
    changes: list[Change] = []
    unchanged: list[Key] = []
    excluded = 0
    # Mostly nearly all are: those need not be looked at one by one.
    alike = there.alike(here, mode).difference(child.unmarked)
    for key in there:
        if not wanted(key):
            excluded += 1
        elif key in held_back:
            continue
        elif key in alike:
            unchanged.append(key)
        else:
            new = there[key]
            asked = new if mode is None else new.bearing(mode)
            change = _change(here.get(key), asked, marked=key not in child.unmarked)
            if change is None or isinstance(change, Adjust):
                unchanged.append(key)
            if change:
                changes.append(change)
    unseen = _unseen(parent)
    gone: list[Change] = []
    if delete:
        below = {problem.key for problem in unseen}
        gone += (Delete(here[key]) for key in here if key not in there and wanted(key) and not _below_any(key, below))
        unseen += _unseen(child)
    whole = parent.complete and child.complete
    if whole:
        changes += gone
    changes.sort(key=lambda change: (_ORDER[change.action], change.key))
    problems = tuple(Problem(key, why) for key, why in sorted(held_back.items()) if wanted(key))
    return Changes(tuple(changes), tuple(unchanged), (*unseen, *problems), excluded, 0 if whole else len(gone))


def _undigested(parent: Snapshot, items: Items) -> dict[Key, str]:
    """Return what cannot be passed on for want of a digest; what changed while it was looked at is another matter."""
    why = f"no digest of it could be made on {parent.repository}: see what is said of {parent.repository}"
    return {key: parent.damaged.get(key, why) for key in items.undigested() if key not in parent.restless}


def _unseen(snapshot: Snapshot) -> tuple[Problem, ...]:
    """Return what could not be looked at; what vanished meanwhile is known not to be there."""
    why = f"{snapshot.repository} cannot list it: %s (make it readable for its account there, or exclude it)"
    return tuple(Problem(one.key, why % one.reason) for one in snapshot.problems if not one.gone)


def _change(old: Item | None, new: Item, *, marked: bool) -> Change | None:
    if old is None:
        return Copy(new)
    if not old.agrees(new):
        return Replace(old, new)
    return None if marked and old.marks == new.marks else Adjust(old, new)


def _below_any(key: Key, unreadable: Collection[Key]) -> bool:
    return any(key == other or key.startswith(other + b"/") for other in unreadable)
