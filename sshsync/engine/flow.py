"""A flow: what a repository has while it is still being synchronized, for those that take from it already."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sshsync.model.item import Item, Key
from sshsync.model.order import Blocked, Offer
from sshsync.model.prepared import Prepared

_SLICE = 0.5
"""Seconds that pass at the most before somebody who waits notices a signal."""


class Flow:
    """Between the link that brings a repository up to date and the links of its children, in threads of one process.

    It begins at most once and ends exactly once, whatever happens to the repository. See `appliers.base.Feed`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 0
        self._offer: Offer | None = None
        self._missing: set[Key] = set()
        self._came: list[Item] = []
        self._notes: dict[Key, Any] = {}
        self._end: Offer | Blocked | None = None

    def begin(self, offer: Offer, missing: Iterable[Key]) -> None:
        """Tell what the repository is going to hold.

        Args:
            offer: that, and where; never complete.
            missing: the items of it that are not there yet.
        """
        with self._changed:
            if self._offer is None:
                self._offer, self._missing = offer, set(missing)
                self._tell()

    def came(self, items: Iterable[Item]) -> None:
        """Tell of items that are there now, verified."""
        with self._changed:
            for item in items:
                expected = self._offer.snapshot.items.get(item.key) if self._offer else None
                if expected is not None and expected.digest == item.digest:
                    self._missing.discard(item.key)
                    self._came.append(item)
                self._notes.pop(item.key, None)
            self._tell()

    def note(self, key: Key, note: Any) -> None:
        """Tell something about an item that is on its way, or that what was told changed."""
        with self._changed:
            self._notes[key] = note
            self._tell()

    def end(self, offer: Offer | Blocked) -> None:
        """Tell what the repository offers now that its link has ended; what is told first holds."""
        with self._changed:
            self._end = self._end or offer
            self._tell()

    def begun(self, check: Callable[[], None]) -> Offer | None:
        """Wait until it begins and return what the repository is going to hold; None where it ended before."""
        with self._changed:
            while self._offer is None and self._end is None:
                self._rest(check)
            return None if self._end is not None else self._offer

    def final(self, check: Callable[[], None]) -> Offer | Blocked:
        """Wait for the end, and return what the repository offers."""
        with self._changed:
            while self._end is None:
                self._rest(check)
            # What ended by a signal offers nothing, and is no fault of the repository's.
            check()
            return self._end

    @property
    def version(self) -> int:
        """See `Feed`."""
        return self._version

    @property
    def ended(self) -> bool:
        """See `Feed`."""
        return self._end is not None

    @property
    def notes(self) -> Mapping[Key, Any]:
        """See `Feed`."""
        with self._changed:
            return dict(self._notes)

    def since(self, number: int) -> Sequence[Item]:
        """See `Feed`."""
        with self._changed:
            return self._came[number:]

    def holds(self, item: Item) -> bool:
        """See `Feed`."""
        with self._changed:
            expected = self._offer.snapshot.items.get(item.key) if self._offer else None
            return expected is not None and item.key not in self._missing and expected.digest == item.digest

    def wait(self, version: int, check: Callable[[], None], seconds: float = math.inf) -> None:
        """See `Feed`."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._version == version and time.monotonic() < until:
                self._rest(check)

    def _tell(self) -> None:
        self._version += 1
        self._changed.notify_all()

    def _rest(self, check: Callable[[], None]) -> None:
        check()
        self._changed.wait(_SLICE)


def going_to_hold(prepared: Prepared) -> tuple[Offer, Iterable[Key]]:
    """Return what a repository is going to hold, and what of that it does not hold yet, or cannot vouch for."""
    expected, parent = replace(prepared.expected(), complete=False), prepared.parent.items
    missing = chain(
        (change.key for change in prepared.changes.transfers),
        (problem.key for problem in prepared.changes.blocked),
        (key for key in expected.items if key not in parent),
    )
    return Offer(expected), missing
