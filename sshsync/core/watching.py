"""When to walk: what looks at the masters mean for somebody who waits for a vendor's upload to be complete."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sshsync.model.item import Item, Snapshot

PATIENCE = 3600.0
"""Seconds after which a master that never comes to rest is walked all the same: what is quiet there is taken."""

LONGEST_WAIT = 3600.0
"""Seconds between tries at the most, after runs that failed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the masters saw.

    Attributes:
        state: equal for equal states of all of them.
        rest: seconds for which files are too young still, by their own host's clock; 0 when none is.
        youngest: the file that `rest` waits for, in words.
    """

    state: str
    rest: float = 0.0
    youngest: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """What a watcher knows between two looks; times in seconds of a clock that never jumps.

    Attributes:
        walked: the masters' state that the last good run brought to all; "" when there is none.
        seen: the state of the last look, first seen at `since`.
        restless: since when it differs from what was walked; None while it does not.
        failed: runs since the last good one; no other before `not_before`, unless the masters change.
        tried: the state that the last failed run met.
        due: when it is time to walk although nothing is new: nobody but a walk looks at the nodes.
    """

    walked: str = ""
    seen: str = ""
    since: float = 0.0
    restless: float | None = None
    failed: int = 0
    not_before: float = 0.0
    tried: str = ""
    due: float = math.inf


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: walk, or wait for some seconds and look again; `why` is for people."""

    walk: bool
    wait: float = 0.0
    why: str = ""


def state_of(snapshots: Iterable[tuple[str, Snapshot]]) -> str:
    """Return a short text that is equal for equal states: sizes, times and inodes of all items, links, and empty
    directories.

    Args:
        snapshots: what masters hold, each with what identifies it.
    """
    found = hashlib.sha256()
    for identity, snapshot in snapshots:
        found.update(f"{identity} {snapshot.existed}\n".encode())
        for key in sorted(snapshot.items):
            item = snapshot.items[key]
            found.update(b"%d %s %d %s\n" % (len(key), key, item.mode, repr(item.stamp).encode()))
        for key, target in sorted((snapshot.links or {}).items()):
            found.update(b"%d %s leads %d %s\n" % (len(key), key, len(target), target))
        for place in sorted(snapshot.directories.empty if snapshot.directories else ()):
            found.update(b"%d %s empty\n" % (len(place), place))
    return found.hexdigest()


def rest_of(snapshot: Snapshot, stable_for: float) -> tuple[float, Item | None]:
    """Return for how long the youngest item is too young still, and which that is.

    The change time counts too: a copy that keeps modification times is young all the same. What was written in the
    future says nothing about its age.
    """
    ages = ((snapshot.now - _touched(item), item.key, item) for item in snapshot.items.values())
    age, _, youngest = min((found for found in ages if found[0] >= 0), default=(stable_for, b"", None))
    return (stable_for - age, youngest) if age < stable_for else (0.0, None)


def looked(known: Watching, look: Look, now: float, *, interval: float, stable_for: float) -> tuple[Watching, Step]:
    """Return what is known after a look, and what to do.

    A state is walked when it is new, nothing in it is young, and it stayed the same for `stable_for` seconds.
    """
    if look.state != known.seen:
        known = replace(known, seen=look.state, since=now)
    if look.state == known.walked and not known.failed:
        known = replace(known, restless=None)
        if now >= known.due:
            return known, Step(walk=True, why="nothing new, but it is time to look at the nodes")
        return known, Step(walk=False, wait=interval, why="nothing new")
    if known.failed and look.state == known.tried and now < known.not_before:
        wait = min(interval, known.not_before - now)
        return known, Step(
            walk=False, wait=wait, why=f"the last run failed, tried again in {known.not_before - now:.0f} s"
        )
    restless = now if known.restless is None else known.restless
    known = replace(known, restless=restless)
    rest = max(look.rest, known.since + stable_for - now)
    if rest > 0 and now - restless < PATIENCE:
        why = (
            f"waiting for {look.youngest} to be complete" if look.youngest else "waiting for the masters to be at rest"
        )
        return known, Step(walk=False, wait=min(max(rest, 0.1), max(interval, stable_for)), why=why)
    return known, Step(walk=True, why="at rest" if rest <= 0 else f"not at rest for {PATIENCE / 60:.0f} minutes")


def unseen(known: Watching, now: float, *, interval: float) -> tuple[Watching, Step]:
    """Return what is known after a look that failed: a walk tells everybody about it who is to be told of runs."""
    if known.failed and now < known.not_before:
        return known, Step(walk=False, wait=min(interval, known.not_before - now), why="a master cannot be looked at")
    return replace(known, seen="", tried=""), Step(walk=True, why="a master cannot be looked at")


def walked(known: Watching, *, good: bool, now: float, interval: float, every: float = 0.0) -> Watching:
    """Return what is known after a run; runs that fail come at growing distances until the masters change.

    Args:
        known: what was known before.
        good: it brought the masters' state to all.
        now: seconds of a clock that never jumps.
        interval: seconds between two looks.
        every: seconds after which the next one is due although nothing is new; 0 for never.
    """
    if good:
        due = now + every if every else math.inf
        return replace(known, walked=known.seen, restless=None, failed=0, not_before=0.0, tried="", due=due)
    wait = min(LONGEST_WAIT, interval * 2**known.failed)
    return replace(known, restless=None, failed=min(known.failed + 1, 20), not_before=now + wait, tried=known.seen)


def _touched(item: Item) -> float:
    return max(item.stamp.mtime_ns, item.stamp.ctime_ns) / 1_000_000_000
