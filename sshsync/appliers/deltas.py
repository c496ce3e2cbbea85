"""Deltas: what of a big file lies on the child already, in other files, is copied there and not sent."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

from sshsync.appliers import way
from sshsync.appliers.base import Site
from sshsync.appliers.looks import Looks
from sshsync.appliers.way import Way
from sshsync.core.chunks import Comparison, Copy, Rates, begin, pays, reading, settled, step
from sshsync.core.likely import Likely
from sshsync.core.pieces import Cut, Extent, Piece, ladder, without
from sshsync.hosts.asking import Asking
from sshsync.kinds.chunks import Means, Question
from sshsync.model.change import Replace, Transfer
from sshsync.model.item import Item, Key
from sshsync.model.row import Digest
from sshsync.model.words import visible
from sshsync.transfers.load import SMALL, Part
from sshsync.transfers.pace import wall

LINK = 2_000_000
"""Bytes a second that a link is taken to carry as long as nothing went over it: whoever has a faster one waits a little
longer for the first file, whoever has a slower one does not wait for hours."""

DIGESTING = 300_000_000
"""Bytes a second that a host reads and digests, as long as no look told how long that takes."""

PROCESSES, BUSY = 0.004, 4
"""Seconds in which a shell starts what digests a block; how many times that it may take where much else is going on."""

TELLING = 0.2
"""Seconds that a look has to take so that it tells how fast hosts read and digest."""

SPOT = {True: 0.0005, False: 0.015}
"""Seconds that one more copy costs, by whether a program makes it: a shell starts some processes for it, and others for
what is sent between two."""


class Held:
    """The contents that a child has, by digests and names.

    Args:
        items: what it had when it was scanned.
        published: what was brought there since.
    """

    def __init__(self, items: Mapping[Key, Item], published: Mapping[Key, Item]) -> None:
        self._items = items
        self._published = published
        self._digests: dict[Digest, Key] | None = None
        self._likely: Likely | None = None

    def twin(self, item: Item) -> Key | None:
        """Return a file that has the content of an item."""
        if self._digests is None:
            big = (one for one in self._items.values() if one.digest and one.size >= SMALL)
            self._digests = {one.digest: one.key for one in big if one.digest}
        # Others are published meanwhile.
        fresh = (
            one.key for one in list(self._published.values()) if one.digest == item.digest and one.size == item.size
        )
        return self._digests.get(item.digest or "") or next(fresh, None)

    def others(self, change: Transfer) -> list[Key]:
        """Return the files that may hold much of a new content: the old version, else what has a name much like it."""
        if isinstance(change, Replace):
            return [change.key] if change.old.size else []
        if self._likely is None:
            self._likely = Likely(self._items.values(), SMALL)
        found = self._likely.of(change.key, change.size)
        return [found] if found is not None else []


class Deltas:
    """Finds what can be copied into the parts of one link.

    Args:
        held: what the child has.
        rate: tells how many bytes a second the link carries, 0 while nothing went over it.
        decide: takes in words what was decided by which rates.
    """

    def __init__(  # noqa: PLR0913 - each is a seam
        self,
        site: Site,
        source_root: bytes,
        asking: Asking,
        looks: Looks,
        held: Held,
        *,
        rate: Callable[[], float],
        decide: Callable[[str], None],
    ) -> None:
        self._site = site
        self._source_root = source_root
        self._asking = asking
        self._looks = looks
        self._held = held
        self._rate = rate
        self._decide = decide
        self._digesting = float(DIGESTING)

    def find(
        self, load: Part, there: Sequence[Extent], means: Means | None, former: Mapping[Key, int]
    ) -> tuple[Copy, ...]:
        """Return what of a part can be copied.

        Args:
            load: the part.
            there: what is known to be right in it already.
            means: what both hosts can compare files by; None when they have nothing in common.
            former: files in staging that hold much of it, and their sizes.

        Raises:
            HostError: a host failed, or its answer is none.
        """
        missing = without([Extent(0, load.size)], there)
        twin = self._held.twin(load.change.new)
        if twin is not None:
            self._tell(load, Way.COPIED)
            return tuple(Copy(one.offset, one.length, twin, one.offset) for one in missing)
        others = self._held.others(load.change)
        if not (others or former) or not missing:
            return ()
        if means is None:
            self._tell(load, Way.APART)
            return ()
        began = self._asking.monotonic()
        first = began
        seen = self._looks.look(self._site.child, self._site.root, others).items
        rates = self._rates(means, self._asking.monotonic() - began)
        old = {**former, **{key: seen[key].size for key in others if key in seen}}
        comparison, cuts = begun(load.size, old, there, means)
        if way.weigh(comparison, cuts, rates) is Way.SLOWER:
            self._tell(load, f"{Way.SLOWER}: {way.measured(rates)}")
            return ()
        for cut in cuts:
            if pays(comparison, cut, rates):
                began = self._asking.monotonic()
                told = self._look(load, comparison, cut, means)
                rates = self._measured(rates, comparison, cut, self._asking.monotonic() - began)
                comparison = step(comparison, cut, *told)
        self._tell(load, way.found(comparison, self._asking.monotonic() - first, rates))
        return settled(comparison, int(rates.link * SPOT[means.content])).copies

    def _rates(self, means: Means, round_trip: float) -> Rates:
        limit = self._site.child.bwlimit.at(wall(self._asking.clock()))
        return rates_for(means, limit, round_trip, link=self._rate(), digesting=self._digesting)

    def _tell(self, load: Part, words: str) -> None:
        self._decide(f"{visible(load.change.key, 200)}: {words}")

    def _measured(self, rates: Rates, comparison: Comparison, cut: Cut, took: float) -> Rates:
        """Return the rates as a look shows them that took so many seconds."""
        read = reading(comparison)
        seconds = took - rates.round_trip - BUSY * rates.start * read / cut.mean
        if took >= TELLING and seconds > 0:
            self._digesting = read / seconds
        return replace(rates, digesting=self._digesting)

    def _look(
        self, load: Part, comparison: Comparison, cut: Cut, means: Means
    ) -> tuple[list[Piece], dict[Key, list[Piece]]]:
        """Have both hosts cut and digest, side by side."""
        site, looks = self._site, self._looks
        new = [Question(load.change.key, one, cut) for one in comparison.wanted]
        old = {key: [Question(key, one, cut) for one in extents] for key, extents in comparison.spare.items()}
        with ThreadPoolExecutor(1, "sshsync-comparing") as pool:
            theirs = pool.submit(looks.cuts, site.parent, self._source_root, b".", new, means)
            ours = {key: looks.cuts(site.child, site.root, b".", asked, means) for key, asked in old.items()}
            return list(chain(*theirs.result())), {key: list(chain(*told)) for key, told in ours.items()}


def rates_for(
    means: Means, limit: float, round_trip: float, *, link: float = 0.0, digesting: float = DIGESTING
) -> Rates:
    """Return the rates by which it is decided.

    Args:
        limit: bytes a second that the link may carry now; 0 for any.
        round_trip: seconds that a question takes.
        link, digesting: bytes a second as they were measured; 0 for a link over which nothing went yet.
    """
    return Rates(link or min(LINK, limit or LINK), digesting, 0.0 if means.content else PROCESSES, round_trip)


def begun(size: int, old: Mapping[Key, int], there: Sequence[Extent], means: Means) -> tuple[Comparison, Sequence[Cut]]:
    """Return the comparison of a file before anything was asked, and the looks that there are.

    Args:
        size: its bytes.
        old: bytes of each file of the child that may hold some of it.
        there: what is known to be right already.
    """
    cuts = ladder(max(size, *old.values(), 1), content=means.content)
    return begin(size, old, there if means.content else _aligned(there, cuts[0].most)), cuts


def _aligned(extents: Sequence[Extent], size: int) -> list[Extent]:
    """Return extents without what is no whole block: what is left over begins where blocks do."""
    found = []
    for extent in extents:
        start, end = -(-extent.offset // size) * size, extent.end // size * size
        if end > start:
            found.append(Extent(start, end - start))
    return found
