"""Which symbolic links of a parent a child gets, and what becomes of those that it has."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from sshsync.core.guard import standing_in
from sshsync.model.change import Changes, Delete
from sshsync.model.empties import above
from sshsync.model.item import Item, Items, Key, Snapshot
from sshsync.model.links import Link
from sshsync.model.problem import Problem
from sshsync.model.words import visible

STAGING = b".sshsync"
"""The name of the directory of a root in which a host stages."""

_MOST = 4095
"""Bytes of a target that a host can be given (POSIX: PATH_MAX, with the NUL at its end)."""
_MOST_NAME = 255

CURE = "change it there, or exclude it"
"""What an operator does about a link that is not taken."""


def refusal(key: Key, target: bytes) -> str:
    """Return why a link is not kept, with what to do; "" for one that is.

    Args:
        key: its name, in directories that are no links.
        target: where it leads.

    Guarantees:
        Among real directories and links that are kept, whatever a link that is kept leads to is below the root: its
        steps up are counted from the directory that it is in, and come before any name. Behind a name a step up may
        start anywhere, for that name may be a link.
    """
    ups, names = _steps(target)
    places = key.split(b"/")[:-1]
    shown = f"leads to {visible(target, 120)}"
    if not target or b"\0" in target:
        return f"{shown}, which is no name ({CURE})"
    if len(target) > _MOST or max(map(len, names), default=0) > _MOST_NAME:
        return f"{shown}, which is longer than every host can take ({CURE})"
    if target.startswith(b"/") or ups > len(places):
        return f"{shown}, outside of the repository (a relative link that stays inside is kept: {CURE})"
    if b".." in names:
        return f"{shown}, which has .. behind a name: that may be outside of the repository ({CURE})"
    if [*places[: len(places) - ups], *names][:1] == [STAGING]:
        return f"{shown}, which is staging, where nothing is verified yet ({CURE})"
    return ""


def links(
    parent: Snapshot, child: Snapshot, changes: Changes, *, delete: bool, wanted: Callable[[Key], bool]
) -> Changes:
    """Return the changes with what has to happen so that the child has the links that its parent has.

    Args:
        parent, child: what both hold; nothing happens where somebody does not tell of links.
        changes: what becomes of the child's items.
        delete: whether links are removed that the parent does not have.
        wanted: tells whether something takes part.

    Guarantees:
        Nothing is removed on incomplete knowledge. A link that is refused changes nothing of what is in its place.
    """
    theirs, ours = parent.links, child.links
    if theirs is None or ours is None:
        return changes
    sought = {key: target for key, target in theirs.items() if wanted(key)}
    refused = {key: why for key, target in sought.items() if (why := refusal(key, target))}
    # What is refused leaves all as it is that stands in its place.
    places = (*child.items, *ours) if refused else ()
    stays = {key for key in places if not refused.keys().isdisjoint((key, *above(key)))}
    lost = (key for key in ours if key not in theirs and key not in parent.items and wanted(key))
    gone = [Delete(Item(key, None)) for key in lost if delete and key not in stays]
    whole = parent.complete and child.complete
    kept = [change for change in changes.changes if not isinstance(change, Delete) or change.key not in stays]
    others = [change for change in kept if not isinstance(change, Delete)]
    deletions = [change for change in kept if isinstance(change, Delete)] + (gone if whole else [])
    missing = sorted(key for key, target in sought.items() if key not in refused and ours.get(key) != target)
    standing = standing_in(missing, child)
    made = (
        Link(key, sought[key], ours.get(key), (key,) * (key in child.items) + standing.get(key, ())) for key in missing
    )
    return replace(
        changes,
        changes=(*others, *sorted(deletions, key=lambda change: change.key)),
        links=tuple(made),
        blocked=(*changes.blocked, *(Problem(key, why) for key, why in sorted(refused.items()))),
        withheld=changes.withheld + (0 if whole else len(gone)),
    )


def followed(parent: Snapshot, changes: Changes, wanted: Callable[[Key], bool]) -> Changes:
    """Return the changes where links of the parent that lead to no file there are blocked by name.

    Nothing becomes of what stands in their place.
    """
    astray = {key: why for key, why in parent.astray.items() if wanted(key)}
    if not astray:
        return changes
    kept = (
        one
        for one in changes.changes
        if not isinstance(one, Delete) or astray.keys().isdisjoint((one.key, *above(one.key)))
    )
    problems = (Problem(key, why) for key, why in sorted(astray.items()))
    return replace(changes, changes=tuple(kept), blocked=(*changes.blocked, *problems))


def own(found: Snapshot) -> Snapshot:
    """Return what is there without what links lead to, for who takes no part in that."""
    if not found.followed:
        return found
    return replace(found, items=Items.of(found.items).after((), found.followed))


def waiting(links: Iterable[Link], missing: Iterable[Key]) -> dict[Key, Key]:
    """Return the links that lead to something which has not arrived, or in which something has not, with that.

    What they lead to is told by their text: one that leads to another link is right as soon as that is.
    """
    places = {place: key for key in missing for place in (key, *above(key))}
    return {link.key: places[to] for link in links if places and (to := _leads(link)) in places}


def _leads(link: Link) -> Key:
    """Return where a link that is kept leads below the root, were there no other links; b"" for the root itself."""
    ups, names = _steps(link.target)
    places = link.key.split(b"/")[:-1]
    return b"/".join([*places[: len(places) - ups], *names])


def _steps(target: bytes) -> tuple[int, list[bytes]]:
    """Return how many steps up a target begins with, and what follows them."""
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    ups = next((number for number, part in enumerate(parts) if part != b".."), len(parts))
    return ups, parts[ups:]
