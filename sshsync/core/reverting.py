"""What there has to be on a repository so that it is again as it was before a run."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sshsync.model.events import Before, key_of
from sshsync.model.item import Item, Items, Key
from sshsync.model.row import Digest
from sshsync.model.words import visible


@dataclass(frozen=True, slots=True)
class Past:
    """What runs changed on a repository.

    Attributes:
        before: what of that it held before the first of them; what is not in it was missing.
        left: what it was to hold after the last of them; None for what was to go.
        known: all that it held before some change, or was to hold after it: a change may never have been made.
    """

    before: Mapping[Key, Digest] = field(default_factory=dict)
    left: Mapping[Key, Digest | None] = field(default_factory=dict)
    known: Mapping[Key, Collection[Digest | None]] = field(default_factory=dict)


def past(told: Iterable[Before]) -> Past:
    """Return what runs changed, by what they told before each change, in order.

    What an item was before the first of its changes is what counts; whether a change was brought to its end does not.
    """
    before: dict[Key, Digest] = {}
    left: dict[Key, Digest | None] = {}
    held: dict[Key, Digest] = {}
    known: dict[Key, set[Digest | None]] = {}
    for one in told:
        # A link tells of all that is there once, with its first change.
        held = {key_of(name): digest for name, digest in one.items if digest} if one.items else held
        for name, digest in one.changes:
            key = key_of(name)
            if key not in left and key in held:
                before[key] = held[key]
            left[key] = digest or None
            known.setdefault(key, set()).update((held.get(key), left[key]))
    return Past(before, left, known)


def wanted(past: Past, there: Mapping[Key, Item], *, force: bool) -> tuple[Items, dict[Key, str]]:
    """Return the items that there have to be, and those that somebody else changed since, with the words why they stay.

    Args:
        past: what was changed.
        there: what is there now.
        force: bring back also what somebody else changed since.
    """
    found = Items()
    changed: dict[Key, str] = {}
    for key, left in past.left.items():
        now = there[key].digest if key in there else None
        old = past.before.get(key)
        if now is not None and now not in past.known[key] and not force:
            changed[key] = _changed(now, left)
            found.add(Item(key, None))
        elif old:
            found.add(Item(key, old))
    return found, changed


def _changed(now: Digest, left: Digest | None) -> str:
    expected = f"left it at {_version(left)}" if left else "removed it"
    words = f"it is at {_version(now)} now, and sshsync {expected}: somebody changed it since"
    return f"{words} (--force brings it back all the same)"


def _version(digest: Digest) -> str:
    return visible(digest.partition(":")[2], 200)
