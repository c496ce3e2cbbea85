"""Parts: big files in staging, of which only what is proven by digests counts as there, whoever wrote it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sshsync.appliers.base import Feed, Site
from sshsync.appliers.deltas import Deltas, Held
from sshsync.appliers.growing import Following, Growing
from sshsync.appliers.ledger import Ledger
from sshsync.appliers.looks import Looks
from sshsync.appliers.proofs import Proofs
from sshsync.appliers.shown import Shown
from sshsync.appliers.staging import PARTS, Staging
from sshsync.appliers.standing import Standing
from sshsync.core.pieces import Extent, without
from sshsync.errors import CommandError, SourceChangedError, SshsyncError, StorageFullError
from sshsync.hosts.asking import Asking
from sshsync.kinds.chunks import Means
from sshsync.model.change import Transfer
from sshsync.model.item import Key
from sshsync.model.prepared import Prepared
from sshsync.model.records import Underway
from sshsync.model.row import Digest
from sshsync.model.words import visible
from sshsync.transfers.base import Ends, Strategy
from sshsync.transfers.chunks import MOST, shorter
from sshsync.transfers.load import Part, Span, hexadecimal

_TELLING = 1 << 20
"""Bytes that have to go over a link before they tell how fast it is."""

_TOLD_EVERY = 2.0
"""Seconds between two times that the journal is told of what was sent: about what a kill costs."""


class Parts:
    """The parts of one link.

    Attributes:
        kept: bytes that came to lie there for good so far: a number that only grows.
        chunks: how many went over the wire, whether they arrived or not.
        chunk: how many bytes a cut may cost: the more often the link breaks, the less.
    """

    def __init__(  # noqa: PLR0913 - each is a seam
        self,
        site: Site,
        source_root: bytes,
        asking: Asking,
        looks: Looks,
        staging: Staging,
        ledger: Ledger,
        *,
        held: Held,
        underway: Iterable[Underway] = (),
    ) -> None:
        self._site = site
        self._asking = asking
        self._staging = staging
        self._ledger = ledger
        self._standing: dict[tuple[Key, Digest], Standing] = {}
        self._proofs = Proofs(site, source_root, staging.root, asking, looks)
        self._former: dict[Key, tuple[str, int]] = {}
        self._following: dict[tuple[Key, Digest], Following] = {}
        self._shown = Shown(site.note)
        self._moved = 0
        self._seconds = 0.0
        self._earlier = {(one.key, one.digest): one for one in underway}
        self._told = 0.0
        self._deltas = Deltas(site, source_root, asking, looks, held, rate=self._rate, decide=ledger.decide)
        self.kept = self.chunks = 0
        self.chunk = MOST

    @property
    def places(self) -> list[str]:
        """Where parts lie that are worth keeping, below ``.sshsync/``."""
        return [f"part/{name}" for one in self._standing.values() for name in (one.name, *one.names) if name]

    def adopt(self, load: Part, place: str) -> None:
        """Take note of a part that an earlier run left: what is right of it is found out before it goes on.

        By what the journal tells of what was sent, so that only the child reads it, else beside the parent's file.
        """
        standing = self._of(load)
        if not standing.name:
            standing.name = place.rpartition("/")[2]
            earlier = self._earlier.get(_named(load))
            standing.hinted, standing.doubted = earlier is not None, earlier is None
            standing.sent.update((Extent(at, length), told) for at, length, told in (earlier.chunks if earlier else ()))

    def forget(self) -> None:
        """Have forgotten what the journal tells of items of which nothing is there any more, or wanted."""
        for (key, digest), one in self._earlier.items():
            if (key, digest) not in self._standing:
                self._ledger.sent(key, digest, one.size, [])
        self._earlier.clear()

    def lost(self) -> None:
        """Have forgotten what is known of all parts: staging was cleared."""
        for key, digest in self._standing:
            self._ledger.sent(key, digest, 0, [])
        self._standing.clear()
        self.forget()

    def doubted(self, change: Transfer) -> bool:
        """Tell whether an earlier run left a part that has to be compared with the parent's whole file first."""
        return self._standing.get((change.key, change.new.digest or ""), Standing()).doubted

    def follow(
        self, change: Transfer, feed: Feed, growing: Growing, check: Callable[[], None], others: Callable[[], bool]
    ) -> None:
        """Have a file read from a parent that receives it at the same time; see `Following`."""

        following = Following(change.new, feed, growing, self._proofs.of_parent, check, others)
        self._following[change.key, change.new.digest or ""] = following

    def follows(self, change: Transfer) -> bool:
        """Tell whether some of a file is still to be read from a parent that receives it."""
        return (change.key, change.new.digest or "") in self._following

    def doubt(self, load: Part) -> None:
        """Take note that a part is not right as a whole: it is compared before anything is sent again.

        One that does not differ anywhere then, or is still wrong after that and was put together of copies, is sent as
        a whole: somebody does not tell the truth about pieces.
        """
        standing = self._of(load)
        standing.wrong = True
        standing.there, standing.doubted = (), not standing.guessed
        if standing.guessed:
            self._ledger.resent(standing.vain(standing.spent))
        standing.guessed = bool(standing.saved)
        standing.copies, standing.saved = (), 0
        standing.sent.clear()
        self._shown.lost(load)
        standing.untold.clear()
        self._ledger.sent(load.change.key, load.change.new.digest or "", load.size, [])

    def done(self, load: Part) -> None:
        """Forget a part: it is verified, or not wanted any more."""
        self._standing.pop(_named(load), None)

    def drop(self, load: Part) -> None:
        """Forget a part that is going to be removed: nothing of it is there any more."""
        self.done(load)
        self._ledger.sent(load.change.key, load.change.new.digest or "", load.size, [])

    def only(self, prepared: Prepared) -> None:
        """Give up parts of what the parent is known not to have any more; another version is copied from them."""
        parent, blocked = prepared.parent, {problem.key for problem in prepared.changes.blocked}
        for key, digest in tuple(self._standing):
            item = parent.items.get(key)
            coming = item.digest == digest if item else not parent.complete
            if not coming and key not in blocked:
                self._ledger.sent(key, digest, 0, [])
                if not self.supersede(key, digest):
                    del self._standing[key, digest]

    def supersede(self, key: Key, digest: Digest) -> bool:
        """Keep a part whose file is to have another content, to copy from it; tell whether anything of it came."""
        standing = self._standing.get((key, digest), Standing())
        came = [*standing.there, *standing.sent]
        if not came:
            return False
        self._former[key] = standing.name, max(extent.end for extent in came)
        del self._standing[key, digest]
        return True

    def saved(self, change: Transfer) -> int:
        """Return the bytes of the part of a file that were copied on the child instead of being sent."""
        return self._standing.get((change.key, change.new.digest or ""), Standing()).saved

    def spent(self, load: Part) -> int:
        """Return the bytes of a part that this run sent; others lay there already."""
        return min(load.size - self.saved(load.change), self._of(load).spent)

    @property
    def means(self) -> Means | None:
        """What both hosts can compare files by; None when they have nothing in common."""
        return self._proofs.means

    def sent(self, load: Part, span: Span, digest: Digest) -> None:
        """Take note of a chunk that has gone over the wire; now and then, the journal does so too."""
        standing, extent, told = self._of(load), Extent(span.offset, span.length), hexadecimal(digest)
        standing.sent[extent] = told
        self.chunks += 1
        standing.untold.append((span.offset, span.length, told))
        if self._asking.monotonic() - self._told >= _TOLD_EVERY:
            self._tell(load)
        self._shown.sent(load, extent, told)

    def bring(self, load: Part, strategy: Strategy, ends: Ends) -> None:
        """Bring what is missing of a part, after a look at what an earlier try left of it.

        Raises:
            HostError: a host failed. What has arrived counts in the next try.
            SourceChangedError: the file is not what the scan saw.
        """
        standing = self._of(load)
        asked = self._go_on(standing, load) if standing.name else []
        standing.name = load.name
        self._shown.lies(load)
        if following := self._following.get(_named(load)):
            self._prove(standing, load, asked)
            self._follow(standing, load, following, strategy, ends)
            del self._following[_named(load)]
            return
        if without(_missing(standing, load), asked):
            self._copy(standing, load)
        with self._proving(standing, load, asked, ends) as beside:
            missing = without(_missing(standing, load), asked)
            if missing or not load.size:
                self._fetch(standing, load, missing, strategy, beside)
        if missing := _missing(standing, load):
            self._fetch(standing, load, missing, strategy, ends)

    def _fetch(self, standing: Standing, load: Part, missing: Sequence[Extent], strategy: Strategy, ends: Ends) -> None:
        self._bring(standing, load, [Span(load.change.key, *extent) for extent in missing], strategy, ends)

    def _bring(self, standing: Standing, load: Part, spans: Sequence[Span], strategy: Strategy, ends: Ends) -> None:
        def kept(span: Span) -> None:
            standing.moved -= self._keep(standing, [Extent(span.offset, span.length)])

        moved, began = self._moved, self._asking.monotonic()
        self._told = began
        # What lay there told how long chunks may be, after `ends` was made.
        ends = replace(ends, chunk=self.chunk)
        try:
            strategy.fetch(load, spans, ends, kept)
            standing.untold.clear()
        except SshsyncError:
            self._tell(load)
            raise
        finally:
            if self._moved > moved:
                self._seconds += self._asking.monotonic() - began

    def _follow(self, standing: Standing, load: Part, following: Following, strategy: Strategy, ends: Ends) -> None:
        """Bring a file as its parent receives it: what is known to be right there, and what comes to be meanwhile."""
        while missing := _missing(standing, load):
            place, extents = following.readable(missing)
            before = standing.there
            try:
                spans = [Span(place, *extent) for extent in extents]
                growing = replace(ends, more=following.later(missing, extents))
                self._bring(standing, load, spans, strategy, growing)
            except SourceChangedError:
                if not following.moved(place):
                    raise
                continue
            if standing.there == before:
                break

    def count(self, load: Part, moved: int) -> None:
        """Take note of bytes that went over the wire for a part."""
        standing = self._of(load)
        standing.moved += moved
        standing.spent += moved
        self._moved += moved

    def _rate(self) -> float:
        """Bytes a second that the link carried so far; 0 as long as that cannot be told."""
        return self._moved / max(self._seconds, 0.001) if self._moved >= _TELLING else 0.0

    def _copy(self, standing: Standing, load: Part) -> None:
        """Have copied what lies in other files of the child.

        Whatever goes wrong with that, but for a lost connection or a full disk, is told, and all is sent.
        """
        former = self._former.get(load.change.key)
        places = {PARTS + b"/" + former[0].encode(): former[1]} if former else {}
        try:
            if standing.copies is None:
                standing.copies = self._deltas.find(load, standing.there, self.means, places)
            copies = [one for one in standing.copies if without([Extent(one.at, one.length)], standing.there)]
            if copies:
                self._staging.copy(load, copies)
        except StorageFullError:
            raise
        except CommandError as error:
            standing.copies = ()
            self._ledger.remark(f"{visible(load.change.key, 200)} is sent as a whole: {error.what}")
            return
        before = standing.bytes
        standing.settle_copied(Extent(one.at, one.length) for one in copies)
        if not standing.saved:
            # Counted once: a part that vanishes again and again is no progress.
            standing.saved = standing.bytes - before
            self.kept += standing.saved
        if former:
            del self._former[load.change.key]
            self._staging.discard([b"part/" + former[0].encode()])

    def _go_on(self, standing: Standing, load: Part) -> list[Extent]:
        """Go on with what lies there; return what of it was sent in this run and is not known to be right."""
        standing.owed, standing.moved = standing.owed + standing.moved, 0
        names = [*reversed(standing.names), standing.name]
        standing.names.append(load.name)
        size = next((size for name in names if (size := self._staging.carry_on(name, load))), 0)
        standing.name, standing.names = load.name if size else "", []
        there = standing.there
        asked = [one for one in standing.sent if one.end <= size <= load.size and without([one], there)]
        standing.sent = {one: standing.sent[one] for one in asked}
        if standing.owed:
            self.chunk = shorter(self.chunk, sum(one.length for one in asked))
        if not size or size > load.size:
            standing.there, standing.doubted = (), False
            self._shown.lost(load)
            self._staging.discard([load.place.encode()])
        elif standing.doubted:
            self._compare(standing, load, [Extent(0, size)])
        elif standing.hinted:
            self._prove(standing, load, asked)
            # What came last is not in the journal, and maybe nothing is that another controller brought.
            self._compare(standing, load, without([Extent(0, size)], standing.there))
        elif asked:
            return asked
        self._settle(standing, 0)
        return []

    @contextmanager
    def _proving(self, standing: Standing, load: Part, asked: Sequence[Extent], ends: Ends) -> Iterator[Ends]:
        """Have the child tell what is right of what was sent before, as soon as more is on its way.

        Where the last answer was lost with its connection, or there was none yet, the look comes first: however soon a
        link breaks, what was kept is known then.
        """
        if not asked or not standing.answered:
            self._prove(standing, load, asked)
            yield ends
            return

        def told(right: list[Extent]) -> None:
            self._proven(standing, load, asked, right)

        standing.answered = False
        with self._proofs.beside(load, {one: standing.sent[one] for one in asked}, ends, told) as beside:
            yield beside

    def _prove(self, standing: Standing, load: Part, asked: Sequence[Extent]) -> None:
        """Keep of what was sent what the child holds."""
        if asked:
            right = self._proofs.held(load, {one: standing.sent[one] for one in asked})
            self._proven(standing, load, asked, right)

    def _proven(self, standing: Standing, load: Part, asked: Sequence[Extent], right: list[Extent]) -> None:
        """Take note of what the child was asked and holds."""
        standing.answered = True
        for one in asked:
            standing.sent.pop(one, None)
        gained = self._keep(standing, right)
        if len(right) < len(asked):
            self.chunk = shorter(self.chunk, gained)
        self._shown.right(load, right)
        self._settle(standing, gained)

    def _compare(self, standing: Standing, load: Part, differing: Sequence[Extent]) -> None:
        """Keep what is the same on parent and child, chunk by chunk."""
        standing.doubted = standing.hinted = False
        for same in self._proofs.alike(load, differing):
            standing.owed -= self._keep(standing, same)
            self._shown.right(load, same)
            standing.untold.extend((*extent, digest.hex()) for extent, digest in same.items())
        self._ledger.resent(standing.again(load.size))
        self._tell(load)
        if there := standing.bytes:
            self._ledger.remark(f"{visible(load.change.key, 200)}: {there} of {load.size} bytes are there already")

    def _settle(self, standing: Standing, gained: int) -> None:
        """Tell how many of the bytes that were sent before have to be sent again."""
        self._ledger.resent(standing.vain(max(0, standing.owed - gained)))
        standing.owed = 0

    def _tell(self, load: Part) -> None:
        """Have the journal keep what was sent since it was told last."""
        self._told = self._asking.monotonic()
        untold = self._of(load).untold
        if chunks := [untold.popleft() for _ in range(len(untold))]:
            self._ledger.sent(load.change.key, load.change.new.digest or "", load.size, chunks)

    def _keep(self, standing: Standing, extents: Iterable[Extent]) -> int:
        """Take note of ranges that are right, and return how many bytes were not known to be."""
        before = standing.bytes
        standing.settle(extents)
        self.kept += standing.bytes - before
        return standing.bytes - before

    def _of(self, load: Part) -> Standing:
        return self._standing.setdefault(_named(load), Standing())


def _named(load: Part) -> tuple[Key, Digest]:
    """Two files of one content have a part each."""
    return load.change.key, load.change.new.digest or ""


def _missing(standing: Standing, load: Part) -> tuple[Extent, ...]:
    """Return what is not known to be there."""
    return without([Extent(0, load.size)], standing.there)
