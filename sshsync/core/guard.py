"""Refuse dangerous change sets. A guard returns its refusal, or None when all is well."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping

from sshsync.model.change import Changes, Copy, Delete, Replace
from sshsync.model.item import Key, Snapshot
from sshsync.model.policy import MaxDelete
from sshsync.model.prepared import Prepared, Refusal
from sshsync.model.words import Place, visible

_NAMED = 5
"""Items that a refusal names."""


def emptied(parent: Snapshot, before: int, place: Place, *, allow_empty: bool) -> Refusal | None:
    """Refuse an empty parent that had items before: an unmounted disk looks just like that.

    Args:
        parent: the fresh snapshot.
        before: number of items on record for it.
        place: what holds them.
        allow_empty: the operator's word that empty is fine.
    """
    if parent.items or allow_empty or not before:
        return None
    option = f"--allow-empty {parent.repository}"
    return Refusal(
        f"{parent.repository} is empty but held {before} item(s) before: nothing was changed; {place.lost}; "
        f"if it is empty, to let one run through: {option} (for ever: allow_empty = yes)",
        option,
    )


def vanished(child: Snapshot, before: int, place: Place) -> Refusal | None:
    """Refuse a child whose place is gone although items are on record there."""
    if child.existed or not before:
        return None
    return Refusal(
        f"its {place.name} is missing but held {before} item(s) before: nothing was changed; "
        f"{place.lost}, or make the empty {place.name} to start anew"
    )


def too_many_deletions(changes: Changes, child: Snapshot, limit: MaxDelete) -> Refusal | None:
    """Refuse the deletions (and only them) when they exceed the limit."""
    gone = changes.of(Delete)
    count = len(gone)
    held = len(child.items) + len(child.links or ())
    if not count or not limit.exceeded(count, held):
        return None
    names = ", ".join(visible(change.key, 80) for change in gone[:_NAMED])
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    option = f"--max-delete {count}"
    return Refusal(
        f"{count} of {held} item(s) would be deleted: {names}{more} (all: --dry-run); "
        f"max_delete = {limit.count}, {limit.percent:g}% allows less: nothing was deleted; "
        f"to let one run delete them: {option}",
        option,
    )


def no_room(changes: Changes, free: int | None, *, keeps: bool = False) -> Refusal | None:
    """Refuse what certainly does not fit: the growth of the whole, or the biggest file beside the one it replaces.

    Args:
        changes: what is to be moved.
        free: bytes that the file system still takes; None when that is not known.
        keeps: what is replaced is put aside there, and makes no room.
    """
    moves = changes.transfers
    replaced = 0 if keeps else sum(change.old.size for change in changes.of(Replace))
    growth = sum(change.size for change in moves) - replaced
    needed = max([growth, *(change.size for change in moves)], default=0)
    if free is None or needed <= free:
        return None
    return Refusal(
        f"{_size(needed)} more are needed there but {_size(free)} are free: nothing was moved; "
        "free space there, then run again"
    )


def twins(keys: Iterable[Key]) -> dict[Key, Key]:
    """Return keys that are one file where capitals do not count, each with one that it collides with.

    A directory spelled in two ways is a collision of everything below it. Composed and decomposed accents
    count as the same, too.
    """
    listed = list(keys)
    spelled: dict[str, dict[Key, Key]] = {}
    for key in listed:
        for place in _places(key):
            spelled.setdefault(_folded(place), {}).setdefault(place, key)
    found = {}
    for key in listed:
        for place in _places(key):
            others = spelled[_folded(place)]
            if len(others) > 1:
                found[key] = next(other for spelling, other in others.items() if spelling != place)
                break
    return found


def _places(key: Key) -> list[Key]:
    """Return the directories that lead to a key, and the key itself."""
    parts = key.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _folded(place: Key) -> str:
    return unicodedata.normalize("NFC", place.decode("utf-8", "surrogateescape")).casefold()


def in_the_way(changes: Changes, child: Snapshot) -> dict[Key, tuple[Key, ...]]:
    """Return, by the key of a copy, what of the child has to be deleted or there is no room for it.

    A file stands where a directory is wanted, or a directory with files where a file is wanted. What a listing
    did not show is never in here.
    """
    return standing_in([change.key for change in changes.of(Copy)], child)


def standing_in(keys: Collection[Key], child: Snapshot) -> dict[Key, tuple[Key, ...]]:
    """Return, by key, the child's items and known links that stand where directories of it are wanted, or below it."""
    if not keys:
        return {}
    there: Collection[Key] = {*child.items, *child.links} if child.links else child.items
    directories = {key.rpartition(b"/")[0] for key in there}
    directories = {place for directory in directories for place in _places(directory)}
    found: dict[Key, tuple[Key, ...]] = {}
    for key in keys:
        above = tuple(place for place in _places(key)[:-1] if place in there)
        below = tuple(sorted(other for other in there if other.startswith(key + b"/"))) if key in directories else ()
        if above or below:
            found[key] = (*above, *below)
    return found


def without_room(
    changes: Changes, in_the_way: Mapping[Key, tuple[Key, ...]], refusal: Refusal | None
) -> dict[Key, Key]:
    """Return the copies that get no room, each with what stands in its way and is not going to be deleted.

    Args:
        changes: all of them.
        in_the_way: what the function of this name found.
        refusal: why no deletion is carried out.
    """
    deleted = set() if refusal else {change.key for change in changes.of(Delete)}
    stays = {key: [other for other in others if other not in deleted] for key, others in in_the_way.items()}
    return {key: others[0] for key, others in stays.items() if others}


def no_place(key: Key, other: Key, prepared: Prepared, *, one: str, delete: bool) -> str:
    """Return in words why what the child has as `other` leaves no place for `key`.

    Args:
        one: what an item is called.
        delete: whether the child loses what its parent does not have.
    """
    sort = "a link" if other in (prepared.child.links or ()) else f"a {one}"
    if other == key:
        what = f"{sort} is in its place"
    elif key.startswith(other + b"/"):
        what = f"{visible(other, 120)} is {sort} where its directory belongs"
    else:
        what = f"{visible(other, 120)} is in a directory there"
    if prepared.refusal:
        return f"{what}, and its deletion is refused"
    if delete:
        return f"{what}, and stays because it is excluded or the parent could not be listed in full"
    return f"{what}, and is only removed with delete = yes"


def _size(count: int) -> str:
    """Return a number of bytes in words; what is little is told exactly."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count} B"
