"""Which of the staged files may be published: those at the origin's digest."""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sshsync.model.change import Transfer
from sshsync.model.item import Digest, Item, Key, Snapshot


@dataclass(frozen=True, slots=True)
class Verdict:
    """Changes whose staged bytes are right, and those whose are not with the digest found (None: absent)."""

    good: tuple[Transfer, ...]
    bad: tuple[tuple[Transfer, Digest | None], ...]


def verify(changes: Iterable[Transfer], found: Mapping[Key, Digest | None]) -> Verdict:
    """Compare what lies in staging with the origin's digests."""
    good: list[Transfer] = []
    bad: list[tuple[Transfer, Digest | None]] = []
    for change in changes:
        digest = found.get(change.key)
        if digest and digest == change.new.digest:
            good.append(change)
        else:
            bad.append((change, digest))
    return Verdict(tuple(good), tuple(bad))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a parent's items stand to what is on record about them.

    Attributes:
        altered: items whose digest is not the one that sshsync verified there last: something changed them behind its
            back.
        unknown: number of items without a record (of the same algorithm): the parent's own scan is their origin.
    """

    altered: frozenset[Key] = frozenset()
    unknown: int = 0


def standing(snapshot: Snapshot, recorded: Iterable[tuple[Key, Digest]], vouched: Collection[Key] = ()) -> Standing:
    """Compare what a parent holds with what is on record about it.

    Args:
        snapshot: what it holds.
        recorded: the digests last verified there; nothing is kept of them.
        vouched: items that are there as they were verified just now, whatever is on record.
    """
    items = snapshot.items
    known = sum(1 for key in vouched if key in items)
    altered = []
    for key, digest in recorded:
        if key in items and key not in vouched:
            found = items[key].digest
            if found and _algorithm(found) == _algorithm(digest):
                known += 1
                if found != digest:
                    altered.append(key)
    return Standing(frozenset(altered), len(items) - known)


def never_compared(count: int, parent: str) -> str:
    """Return what to know of items that are passed on although sshsync never verified them on their parent."""
    return (
        f"{count} item(s) of {parent} were never compared with a master: they are passed on as found "
        f"(to compare: synchronize {parent}, too)"
    )


def unlike_its_record(parent: str) -> str:
    """Return why an item is held back that its parent does not hold as it was verified there, and what mends that."""
    return f"its copy on {parent} is not the verified one: synchronize {parent}, too"


def news(
    recorded: Iterable[tuple[Key, Digest]], equal: Iterable[Key], parent: Mapping[Key, Item], child: Mapping[Key, Item]
) -> Iterator[tuple[Key, Item | None]]:
    """Yield what has to be put on record about a child: items equal to their origin, and None for what is gone.

    Args:
        recorded: what is on record, in the order of the keys; nothing is kept of it.
        equal: keys of items that are equal on parent and child.
        parent, child: what both hold.
    """
    waiting = iter(sorted(equal))
    key = next(waiting, None)
    for known, digest in recorded:
        while key is not None and key < known:
            yield key, parent[key]
            key = next(waiting, None)
        if key == known:
            if parent[key].digest != digest:
                yield key, parent[key]
            key = next(waiting, None)
        elif known not in child and known not in parent:
            yield known, None
    while key is not None:
        yield key, parent[key]
        key = next(waiting, None)


def _algorithm(digest: Digest) -> str:
    return digest.partition(":")[0]


def is_due(key: Key, share: float, turn: int) -> bool:
    """Tell whether the digest of an item is made anew in a turn, although its stamp is known.

    Args:
        key: the item.
        share: percent of the items that are due in each turn, about; 0 for none.
        turn: a number that each turn raises by one.

    Guarantees:
        In any ``100 / share`` turns in a row, rounded down, every item is due, whatever items come and go meanwhile.
    """
    turns = max(1, int(100 / share)) if share else 0
    return bool(turns) and zlib.crc32(key) % turns == turn % turns


def settled(before: Item, after: Item | None) -> bool:
    """Tell whether a file was left alone between two looks."""
    return after is not None and before.stamp == after.stamp


def is_young(item: Item, now: float, stable_for: float) -> bool:
    """Tell whether an item was written less than `stable_for` seconds before `now` by its own host's clock."""
    return stable_for > 0 and now - item.mtime < stable_for


def young(snapshot: Snapshot, stable_for: float) -> dict[Key, Item]:
    """Return the items written less than `stable_for` seconds ago, and those seen to change during the scan."""
    if stable_for <= 0:
        return {}
    restless, now = snapshot.restless, snapshot.now
    return {key: item for key, item in snapshot.items.items() if key in restless or now - item.mtime < stable_for}


def rest(before: Snapshot, seen: Snapshot, stable_for: float) -> float:
    """Return for how many seconds items have to be left alone yet until each had `stable_for` seconds of peace.

    Args:
        before: the scan.
        seen: a later look at the items in question.
        stable_for: seconds; also the longest answer, whatever time a file bears.
    """
    since = seen.now - before.ended
    return max((_rest(before, item, seen.now, stable_for, since) for item in seen.items.values()), default=0.0)


def _rest(before: Snapshot, item: Item, now: int, stable_for: float, since: float) -> float:
    known = before.items.get(item.key)
    if known is None or not settled(known, item):
        return stable_for
    age = since if item.key in before.restless else now - item.mtime
    return min(stable_for, max(0.0, stable_for - age))
