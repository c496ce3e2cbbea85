"""How a content that a child lacks is put together of what it has: compared coarse first, finer where the two differ.

The parent's content is the new one; what lies on the child is old, and there may be several. Nothing here is believed
for good: digests of pieces are short, and the whole is verified by its whole digest afterwards, so a wrong guess costs
a resend.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sshsync.core.pieces import Cut, Extent, Piece, merged, without
from sshsync.model.item import Key

TOLD = 9
"""Bytes that a host tells of one piece; of a block a few more."""

HOPE, REST = 0.5, 0.25
"""Share of a content that is expected to be there already, as long as nobody looked; and, by each look, of what was not
found by then: where something differs in every coarse piece, the fine ones may be the same."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes of the new content that lie on the child: at `offset` in the old content `source`."""

    at: int
    length: int
    source: Key
    offset: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far a new content is known to be made of old ones.

    Attributes:
        size: bytes of the new content.
        copies: what was found, in order and without overlaps.
        wanted: what was not.
        done: what is not asked about, because it is known to be right already.
        spare: what of the old contents was not found in the new one.
        grain: bytes of a usual piece of the last cut; 0 when nothing was compared yet.
        looks: how often it was.
    """

    size: int
    copies: tuple[Copy, ...]
    wanted: tuple[Extent, ...]
    spare: Mapping[Key, tuple[Extent, ...]]
    grain: int = 0
    looks: int = 0
    done: tuple[Extent, ...] = ()

    @property
    def missing(self) -> int:
        """Bytes that have to be sent."""
        return sum(extent.length for extent in self.wanted)


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured of the hosts and the way between them.

    Attributes:
        link: bytes a second that go from parent to child.
        digesting: bytes a second that the slower of both reads and digests.
        start: seconds that each piece costs: those of two processes for a block in shell, next to none in a program.
        round_trip: seconds that a question costs by itself.
    """

    link: float
    digesting: float
    start: float = 0.0
    round_trip: float = 0.0


def begin(size: int, old: Mapping[Key, int], done: Iterable[Extent] = ()) -> Comparison:
    """Return the comparison before anything was asked.

    Args:
        size: bytes of the new content.
        old: bytes of each content of the child that may serve, the likeliest first.
        done: what is known to be right already.
    """
    spare = {key: (Extent(0, length),) for key, length in old.items() if length}
    kept = merged(done)
    return Comparison(size, (), _rest(size, (), kept), spare, done=kept)


def pays(comparison: Comparison, cut: Cut, rates: Rates) -> bool:
    """Tell whether the next look, at what is wanted and spare, takes less time than it is expected to save.

    Before the first look a share of the whole is expected to be there (`HOPE`). Later what is sent in vain is at the
    edges of what differs, half a piece at each end, or a share of all that differs so far.
    """
    spare = sum(extent.length for extents in comparison.spare.values() for extent in extents)
    if not comparison.wanted or not spare or (comparison.grain and cut.mean >= comparison.grain):
        return False
    common = min(comparison.missing, spare)
    edges = min(comparison.missing, comparison.grain * len(comparison.wanted))
    saved = max(edges, REST**comparison.looks * common) if comparison.looks else HOPE * common
    read = reading(comparison)
    looking = rates.round_trip + read / rates.digesting + read / cut.mean * (rates.start + TOLD / rates.link)
    return looking < saved / rates.link


def reading(comparison: Comparison) -> int:
    """Return the bytes that the next look has one of the hosts read at the most."""
    return max(comparison.missing, sum(extent.length for extents in comparison.spare.values() for extent in extents))


def step(comparison: Comparison, cut: Cut, new: Iterable[Piece], old: Mapping[Key, Iterable[Piece]]) -> Comparison:
    """Return what is known when what was wanted and spare was cut finer.

    Args:
        comparison: what was known before.
        cut: how both hosts cut.
        new: pieces of what was wanted; those that are missing are not found.
        old: pieces of what was spare.
    """
    places, followers = _index(old)
    found: list[Copy] = []
    for piece in new:
        content = (piece.length, piece.digest)
        last = found[-1] if found and found[-1].at + found[-1].length == piece.offset else None
        # Where the same bytes lie in many places, runs that go on make few copies, and blocks stay in place.
        following = (last.source, last.offset + last.length) if last else (next(iter(old), b""), piece.offset)
        place = following if followers.get(following) == content else places.get(content)
        if place is not None and piece.digest:
            found.append(Copy(piece.offset, piece.length, *place))
    copies = joined([*comparison.copies, *found])
    taken = {
        key: [Extent(copy.offset, copy.length) for copy in found if copy.source == key] for key in comparison.spare
    }
    spare = {key: without(extents, taken[key]) for key, extents in comparison.spare.items()}
    return replace(
        comparison,
        copies=copies,
        wanted=_rest(comparison.size, copies, comparison.done),
        spare=spare,
        grain=cut.mean,
        looks=comparison.looks + 1,
    )


def settled(comparison: Comparison, least: int) -> Comparison:
    """Return the comparison without copies of fewer than `least` bytes.

    What lies between two sendings is sent along where that is cheaper than to stop for it.
    """
    copies = tuple(copy for copy in comparison.copies if copy.length >= least or copy.length == comparison.size)
    return replace(comparison, copies=copies, wanted=_rest(comparison.size, copies, comparison.done))


def joined(copies: Iterable[Copy]) -> tuple[Copy, ...]:
    """Return copies in order, those made one that lie behind each other in both contents."""
    done: list[Copy] = []
    for copy in sorted(copies, key=lambda one: one.at):
        last = done[-1] if done else None
        if last and (last.at + last.length, last.source, last.offset + last.length) == (
            copy.at,
            copy.source,
            copy.offset,
        ):
            done[-1] = Copy(last.at, last.length + copy.length, last.source, last.offset)
        else:
            done.append(copy)
    return tuple(done)


_Content = tuple[int, bytes]
_Place = tuple[Key, int]


def _index(old: Mapping[Key, Iterable[Piece]]) -> tuple[dict[_Content, _Place], dict[_Place, _Content]]:
    """Return where contents lie, and what lies where."""
    places: dict[_Content, _Place] = {}
    followers: dict[_Place, _Content] = {}
    for key, pieces in old.items():
        for piece in pieces:
            places.setdefault((piece.length, piece.digest), (key, piece.offset))
            followers[key, piece.offset] = (piece.length, piece.digest)
    return places, followers


def _rest(size: int, copies: Sequence[Copy], done: Sequence[Extent]) -> tuple[Extent, ...]:
    return without([Extent(0, size)], [*done, *(Extent(copy.at, copy.length) for copy in copies)])
