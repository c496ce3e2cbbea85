"""Which of the files that a child has is likely to hold most of one that it lacks: told by names and sizes alone."""

from bisect import bisect_left
from collections.abc import Iterable

from sshsync.model.item import Item, Key

_NEIGHBOURS = 8
"""Names before and behind, in order, that are looked at."""

_APART = 4
"""How many times as large one may be as the other."""

_ALIKE = 0.6
"""Share of a name that two have in common at its beginning and end."""


class Likely:
    """Files by their names.

    Args:
        items: what the child has.
        least: bytes of the smallest file that is worth being looked at.
    """

    def __init__(self, items: Iterable[Item], least: int) -> None:
        big = [item for item in items if item.size >= least]
        self._sizes = {item.key: item.size for item in big}
        self._keys = sorted(self._sizes)
        self._named: dict[Key, list[Key]] = {}
        for key in self._keys:
            self._named.setdefault(key.rpartition(b"/")[2], []).append(key)

    def of(self, key: Key, size: int) -> Key | None:
        """Return the file that most likely holds much of another one.

        One in the same directory with a name much like it comes first, then one of the same name elsewhere.

        Args:
            key: the file that is lacking.
            size: its bytes.
        """
        directory, _, base = key.rpartition(b"/")
        at = bisect_left(self._keys, key)
        near = self._keys[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]
        beside = [other for other in near if other.rpartition(b"/")[0] == directory and other != key]
        alike = {other: _alike(base, other.rpartition(b"/")[2]) for other in beside if self._fits(other, size)}
        best = max(alike, key=lambda other: alike[other], default=None)
        if best is not None and alike[best] >= _ALIKE:
            return best
        named = self._named.get(base, [])[: 2 * _NEIGHBOURS]
        return next((other for other in named if other != key and self._fits(other, size)), None)

    def _fits(self, key: Key, size: int) -> bool:
        other = self._sizes[key]
        return other <= size * _APART and size <= other * _APART


def _alike(one: bytes, other: bytes) -> float:
    """Return the share of the longer name that both have in common at the beginning and the end."""
    first = _same(one, other)
    rest = min(len(one), len(other)) - first
    last = _same(one[::-1][:rest], other[::-1][:rest])
    return (first + last) / max(len(one), len(other), 1)


def _same(one: bytes, other: bytes) -> int:
    """Return how many bytes are the same at the beginning."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
