"""Mending: of many small files that changed only what differs is sent; the rest is copied from what the child has."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sshsync.appliers.deltas import DIGESTING, LINK
from sshsync.appliers.looks import Looks
from sshsync.appliers.reuse import Made, made
from sshsync.core.chunks import Comparison, Copy, Rates, begin, pays, settled, step
from sshsync.core.pieces import FINEST, Extent, by_content
from sshsync.errors import SourceChangedError
from sshsync.kinds.chunks import Means, Question, common
from sshsync.model.change import Replace, Transfer
from sshsync.model.item import Item, Key
from sshsync.remote.ranges import making, reading_by
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import PACK_BYTES, PACK_FILES, SMALL, Batch, Load, Span, groups
from sshsync.transfers.offers import Offer, Seat
from sshsync.transfers.reads import Opening, Reads, Wanted, subject

MEND = "mend"
"""The strategy's name."""

LEAST = 2048
"""Bytes of a file from which it is compared: below, what is asked and told is hardly less than what is saved."""

START = 0.1
"""Seconds in which an interpreter starts, on both ends side by side."""

SPOT = 64
"""Bytes of a copy that are told in as many bytes of a plan."""

CUT = by_content(FINEST)


@dataclass(frozen=True, slots=True)
class Changed(Made):
    """Files that are made of their old versions, and of what is sent."""


def changed(changes: Iterable[Transfer]) -> dict[Key, Item]:
    """Return the old versions of small files that may hold much of the new ones."""
    likely = (c for c in changes if isinstance(c, Replace) and LEAST <= c.size < SMALL and LEAST <= c.old.size < SMALL)
    return {change.key: change.old for change in likely}


def mended(changes: Sequence[Transfer], sources: Mapping[Key, Item], limit: float) -> list[Batch]:
    """Return batches of the changes that have a source; none where comparing would take longer than sending.

    Args:
        limit: bytes a second that may be sent; 0 for as many as there can be.
    """
    able = [change for change in changes if change.key in sources]
    size = sum(change.size for change in able)
    whole = begin(size, {b"": sum(sources[change.key].size for change in able)})
    rates = Rates(min(LINK, limit or LINK), DIGESTING, round_trip=START)
    if not able or not pays(whole, CUT, rates):
        return []
    return [
        Batch(MEND, Changed(group, sources={c.key: sources[c.key] for c in group}))
        for group in groups(able, PACK_FILES, PACK_BYTES)
    ]


class Mend:
    """See `Strategy`: what cannot be made is not kept, and is sent then."""

    def __init__(self, looks: Looks, reads: Reads) -> None:
        self._looks = looks
        self._reads = reads

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Have both ends compare, and the child put files together."""
        means = common(ends.source.capabilities, ends.target.capabilities, ends.child.digest)
        if not isinstance(load, Changed) or means is None or not means.content:
            return
        made(lambda: self._make(load, self._compared(load, ends, means), ends), spans, kept)

    def _compared(self, load: Changed, ends: Ends, means: Means) -> dict[Key, Comparison]:
        """Return what of each new version lies in the old one."""
        sizes = {change.key: load.sources[change.key].size for change in load.changes}
        new = [Question(change.key, Extent(0, change.size), CUT) for change in load.changes]
        old = [Question(key, Extent(0, size), CUT) for key, size in sizes.items()]
        with ThreadPoolExecutor(1, "sshsync-comparing") as pool:
            theirs = pool.submit(self._looks.cuts, ends.parent, ends.source_root, b".", new, means)
            ours = self._looks.cuts(ends.child, ends.target_root, b".", old, means)
        found = {}
        for change, there, here in zip(load.changes, theirs.result(), ours, strict=True):
            comparison = begin(change.size, {change.key: sizes[change.key]})
            found[change.key] = settled(step(comparison, CUT, there, {change.key: here}), SPOT)
        return found

    def _make(self, load: Changed, found: Mapping[Key, Comparison], ends: Ends) -> None:
        recipes = [(change.new, _recipe(found[change.key])) for change in load.changes]
        wanted = tuple(Span(key, *extent) for key, one in found.items() for extent in one.wanted)
        command, head = making(ends.target_root, load.attempt.encode(), recipes, ends.target.capabilities.cutters)
        way = ends.passage(load)

        def begun() -> Opening | None:
            asked = ((key, one.wanted) for key, one in found.items() if one.wanted)
            read, lines = reading_by(ends.source_root, asked, ends.source.capabilities.cutters)
            seat = Seat(0, wanted)
            opening = Opening(seat, way.reading(read), lines, whole=True, opened=way.opened, ahead=ends.ahead)
            return opening if wanted else None

        def follow(offer: Offer) -> Seat | None:
            return Seat(0, wanted) if offer.spans == wanted and not offer.since else None

        left = sum(span.length for span in wanted)
        with (
            self._reads.reading(ends, Wanted(subject(load, ends), follow, lambda _seat: None, begun)) as reader,
            way,
            ends.target.start(way.writing(command)) as target,
        ):
            way.write(target, head)
            for piece in way.pieces(reader.pieces() if reader else iter(())):
                ends.check()
                left -= len(piece)
                if left < 0:
                    break
                ends.moved(len(piece))
                way.write(target, piece)
            if left:
                raise SourceChangedError("files changed while they were read")
            way.close(target)
            target.finish().check("putting files together")


def _recipe(found: Comparison) -> list[Copy | Extent]:
    """Return what a file is made of, from its first byte to its last."""
    parts = [(copy.at, copy) for copy in found.copies] + [(extent.offset, extent) for extent in found.wanted]
    return [part for _, part in sorted(parts, key=lambda one: one[0])]
