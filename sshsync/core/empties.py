"""Which directories with nothing in them are made on a child, and which are removed there."""

from collections.abc import Callable

from sshsync.model.change import Changes, Delete
from sshsync.model.empties import NO_EMPTIES, Empties, above
from sshsync.model.item import Key, Snapshot


def empties(
    parent: Snapshot, child: Snapshot, changes: Changes, *, delete: bool, wanted: Callable[[Key], bool]
) -> Empties:
    """Return what has to happen so that the child has the empty directories that its parent has.

    Args:
        parent, child: what both hold; nothing happens where somebody does not tell of directories.
        changes: what becomes of the child's items before.
        delete: whether those are removed that the parent does not have.
        wanted: tells whether something takes part; of a directory it is asked by its name with a slash.

    Guarantees:
        Nothing is removed on incomplete knowledge, nor made that only seems to be empty.
    """
    theirs, ours = parent.directories, child.directories
    if theirs is None or ours is None or not parent.complete:
        return NO_EMPTIES
    deleted = {change.key for change in changes.of(Delete)}
    remove: set[Key] = set()
    if delete and child.complete:
        gone = {place for place in ours.empty - theirs.all if wanted(place + b"/")}
        over = {up for place in gone for up in above(place) if up not in theirs.all and wanted(up + b"/")}
        if over:
            over -= {up for key in (*child.items, *(child.links or ())) if key not in deleted for up in above(key)}
            over -= {up for place in ours.empty - gone for up in above(place)}
        remove = gone | over
    # What becomes empty is removed with what was in it.
    emptied = {up for key in (*deleted, *remove) for up in above(key)}
    make = (place for place in theirs.empty if place not in ours.all or place in emptied)
    return Empties(tuple(sorted(filter(lambda place: wanted(place + b"/"), make))), tuple(sorted(remove, reverse=True)))
