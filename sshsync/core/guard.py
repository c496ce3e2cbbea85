"""Refuse dangerous change sets. A guard returns the words of its refusal, or "" when all is well."""

from sshsync.model.change import Changes, Kind
from sshsync.model.item import Snapshot
from sshsync.model.policy import MaxDelete


def emptied(parent: Snapshot, before: int, *, allow_empty: bool) -> str:
    """Refuse an empty parent that had items before: an unmounted disk looks just like that.

    Args:
        parent: the fresh snapshot.
        before: number of items on record for it.
        allow_empty: the operator's word that empty is fine.
    """
    if parent.items or allow_empty or not before:
        return ""
    return (
        f"{parent.repository} is empty but held {before} item(s) before: nothing was changed; "
        "check that its disk is mounted, or set allow_empty = yes"
    )


def vanished(child: Snapshot, before: int) -> str:
    """Refuse a child whose root is gone although items are on record there."""
    if child.existed or not before:
        return ""
    return (
        f"the root is missing but held {before} item(s) before: nothing was changed; "
        "mount its disk, or make the empty directory to start anew"
    )


def too_many_deletions(changes: Changes, child: Snapshot, limit: MaxDelete) -> str:
    """Refuse the deletions (and only them) when they exceed the limit."""
    count = len(changes.of(Kind.DELETE))
    if not count or not limit.exceeded(count, len(child.items)):
        return ""
    return (
        f"{count} of {len(child.items)} item(s) would be deleted, more than max_delete = {limit.count}, "
        f"{limit.percent:g}% allows: nothing was deleted; raise max_delete if this is wanted"
    )
