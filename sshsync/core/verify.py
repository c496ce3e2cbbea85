"""Which of the staged files may be published: those at the origin's digest."""

from collections.abc import Iterable, Mapping
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


def may_pass_on(snapshot: Snapshot, recorded: Mapping[Key, Digest]) -> dict[Key, str]:
    """Return the items of a parent that must not be passed on, with the reason.

    An item whose digest is not the one that sshsync verified there last was altered behind its back.
    Items without a record (of the same algorithm) may pass: the parent's own scan is then the origin.
    """
    return {
        key: f"its copy on {snapshot.repository} is not the verified one"
        for key, item in snapshot.items.items()
        if has_record(item, recorded) and item.digest != recorded[key]
    }


def has_record(item: Item, recorded: Mapping[Key, Digest]) -> bool:
    """Tell whether a verified digest of the same algorithm is on record for the item."""
    on_record = recorded.get(item.key, "")
    return bool(on_record and item.digest) and _algorithm(on_record) == _algorithm(item.digest or "")


def _algorithm(digest: Digest) -> str:
    return digest.partition(":")[0]


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
