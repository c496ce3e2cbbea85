"""Proofs: what hosts tell of ranges of a part, and of the parent's file; nothing is held for right without."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace

from sshsync.appliers.base import Site
from sshsync.appliers.looks import Looks
from sshsync.appliers.staging import PARTS
from sshsync.core.pieces import Cut, Extent, blocks, without
from sshsync.errors import SshsyncError
from sshsync.hosts.asking import Asking
from sshsync.kinds.chunks import Means, Question, common, quickest
from sshsync.model.item import Key
from sshsync.remote.ranges import BLOCK
from sshsync.transfers.base import Ends
from sshsync.transfers.load import Part

_LEVELS = (1 << 20, 1 << 16)
"""Bytes of the chunks in which a part is compared with the parent's file: coarse first, finer where the two differ."""


def means_of(site: Site, asking: Asking) -> Means | None:
    """Return what both hosts of a link can compare files by; None when they have nothing in common."""
    parent, child = (asking.capabilities(end) for end in (site.parent, site.child))
    # Without dd on both, files come whole: then nothing need be known of a part of one.
    able = "dd" in parent.tools and "dd" in child.tools
    return common(parent, child, site.child.digest) if able else None


class Proofs:
    """Asks both hosts of a link.

    Args:
        site: the link.
        source_root, target_root: the resolved roots of both.
        asking: how hosts are spoken to.
        looks: how files are looked at.
    """

    def __init__(self, site: Site, source_root: bytes, target_root: bytes, asking: Asking, looks: Looks) -> None:
        self._site = site
        self._roots = source_root, target_root
        self._asking = asking
        self._looks = looks
        self._means: Means | None = None
        self._asked = False

    @property
    def means(self) -> Means | None:
        """What both hosts can compare files by; None when they have nothing in common."""
        if not self._asked:
            self._means = means_of(self._site, self._asking)
            self._asked = True
        return self._means

    def held(self, load: Part, sent: Mapping[Extent, str], *, patient: bool = True) -> list[Extent]:
        """Return those chunks of a part that the child holds as they were sent.

        Args:
            sent: their digests, in hexadecimal.
            patient: try again when the connection is lost.

        Raises:
            HostError: the child did not answer.
        """
        asked = [Question(load.name.encode(), one, whole(one)) for one in sent]
        found = self._pieces(asked, quick=True, patient=patient)
        return [one for one in sent if one in found and sent[one].startswith(found[one].hex())]

    @contextmanager
    def beside(
        self, load: Part, sent: Mapping[Extent, str], ends: Ends, told: Callable[[list[Extent]], None]
    ) -> Iterator[Ends]:
        """Ask what of a part is held, once, while more of it is sent: nothing that is sent waits for the answer.

        Args:
            sent: see `held`.
            ends: what more is sent with.
            told: takes the answer when the sending is over, also when that failed.

        Yields:
            The ends to send with: the child is asked when the first bytes went.

        Raises:
            HostError: the sending went well, and the child did not answer.
        """
        flows: Future[bool] = Future()

        def moved(count: int) -> None:
            if not flows.done():
                flows.set_result(True)
            ends.moved(count)

        def ask() -> list[Extent]:
            return self.held(load, sent, patient=False) if flows.result() else []

        went_well = False
        with ThreadPoolExecutor(1, "sshsync-proof") as pool:
            right = pool.submit(ask)
            try:
                yield replace(ends, moved=moved)
                went_well = True
            except SshsyncError:
                if flows.done():
                    with suppress(SshsyncError):
                        told(right.result())
                raise
            finally:
                if not flows.done():
                    flows.set_result(went_well)
            told(right.result())

    def alike(self, load: Part, differing: Sequence[Extent]) -> Iterator[dict[Extent, bytes]]:
        """Yield what is the same in a part and in the parent's file, with its digests: coarse chunks, then finer ones.

        Raises:
            HostError: a host did not answer.
        """
        for length in _LEVELS if self.means else ():
            ours = self._pieces([Question(load.name.encode(), one, blocks(length)) for one in differing])
            theirs = self._pieces([Question(load.change.key, one, blocks(length)) for one in differing], parent=True)
            same = {extent: digest for extent, digest in ours.items() if theirs.get(extent) == digest}
            yield same
            differing = without(differing, same)

    def of_parent(self, place: Key, extents: Iterable[Extent]) -> dict[Extent, bytes]:
        """Return how the digests begin that the parent makes of ranges of a file below its root."""
        return self._pieces([Question(place, one, whole(one)) for one in extents], parent=True, quick=True)

    def _pieces(
        self, questions: Sequence[Question], *, parent: bool = False, quick: bool = False, patient: bool = True
    ) -> dict[Extent, bytes]:
        means = self.means
        if means is None or not questions:
            return {}
        source, target = self._roots
        repository, root, below = (self._site.parent, source, b".") if parent else (self._site.child, target, PARTS)
        if quick:
            means = quickest(self._asking.capabilities(repository), questions, means)
        told = self._looks.cuts(repository, root, below, questions, means, patient=patient)
        return {Extent(one.offset, one.length): one.digest for pieces in told for one in pieces}


def whole(extent: Extent) -> Cut:
    """Return the cut that leaves an extent in one piece."""
    return blocks(-(-extent.length // BLOCK) * BLOCK)
