"""The wire: how bytes go over both legs of a link, from the parent to the controller and from there to the child.

They go at the pace that is allowed, compressed where that is wanted, and are counted. Each leg is compressed for
itself: the controller has all bytes as they are in between.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from sshsync.core import compression
from sshsync.core.compression import SAMPLE, Moved, Sample
from sshsync.errors import SourceChangedError
from sshsync.hosts.conversation import Conversation
from sshsync.hosts.retrying import Stop
from sshsync.model.bandwidth import Bandwidth
from sshsync.model.item import Key
from sshsync.model.policy import LOCAL, Compress
from sshsync.model.topology import Repository
from sshsync.model.words import complaint
from sshsync.remote import packing
from sshsync.remote.inflate import DamagedError, Inflating
from sshsync.remote.scripts import Command
from sshsync.transfers.load import Load, Part
from sshsync.transfers.pace import Pace, wall
from sshsync.transports.base import PIECE

LEGS = ("source", "target")
"""From the parent to the controller, and from there to the child."""

Tools = tuple[str, str]
"""What compresses on each leg: see `packing.TOOLS`; "" for nothing."""

Clocks = tuple[Callable[[], float], Callable[[], float]]


@dataclass(slots=True)
class _Tally:
    """What went for one load: bytes of files, and the bytes on the leg that took more."""

    raw: int = 0
    wire: int = 0


@dataclass(slots=True)
class _Busy:
    """What went in one manner over the link, and how long it took, however many streams there were."""

    moved: Moved = field(default_factory=Moved)
    count: int = 0
    since: float = 0.0


class Wire:
    """The way of bytes over one link, for all its streams and lanes. Safe to use from several threads.

    Args:
        compress: whether they are compressed.
        legs: which of `LEGS` lead to another machine.
        pace: how fast they may go to the child.
        clock: seconds that never jump.
        tell: told in words what was decided, once for each decision that is another one.
    """

    def __init__(
        self,
        compress: Compress = Compress.NO,
        legs: Collection[str] = LEGS,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self.pace = pace or Pace(Bandwidth())
        self._compress = compress
        self._legs = legs
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._samples: dict[Key, Sample] = {}
        self._asked: dict[Key, int] = {}
        self._tallies: dict[Key, _Tally] = {}
        self._busy = {False: _Busy(), True: _Busy()}
        self._told: set[bool] = set()
        self._plain: set[str] = set()

    def passage(self, load: Load, tools: Tools) -> "Passage":
        """Return how bytes of a load go in one go.

        Args:
            load: what they are part of.
            tools: what compresses on the parent, and on the child; "" for nothing.
        """
        tools = self._possible(tools)
        wanted = self._wanted(_sort(load)) if any(tools) else False
        return Passage(self, load, tools, wanted)

    def most(self, load: Load, tools: Tools) -> int:
        """Return how many bytes go at the most before it is decided again whether they are compressed; 0 for all."""
        sort = _sort(load)
        if self._compress is not Compress.AUTO or not any(self._possible(tools)) or self._wanted(sort) is not None:
            return 0
        with self._lock:
            if self._busy[False].moved.telling:
                return SAMPLE
            asked = self._asked.get(sort, 0)
            self._asked[sort] = asked + 1
        return compression.more(asked)

    def _possible(self, tools: Tools) -> Tools:
        source, target = (
            tool if leg in self._legs and leg not in self._plain else "" for leg, tool in zip(LEGS, tools, strict=True)
        )
        return source, target

    def decided(self, passage: "Passage") -> bool | None:
        """Tell whether what follows in a passage is to be compressed; None as long as that is not known."""
        with self._lock:
            busy = self._busy[False]
            now = Moved(busy.moved.count + passage.raw, busy.moved.seconds + self._clock() - busy.since)
        return self._wanted(_sort(passage.load), now)

    def _wanted(self, sort: Key, now: Moved | None = None) -> bool | None:
        if self._compress is not Compress.AUTO:
            return self._compress is Compress.YES
        with self._lock:
            sample, plain = self._samples.get(sort, Sample()), now or self._busy[False].moved
            found = compression.pays(plain, self._busy[True].moved, sample)
            news = found is not None and found not in self._told
            if found is not None:
                self._told.add(found)
        if news:
            verb = "compressed" if found else "not compressed"
            rates = f"the link carries {plain.rate / 1e6:.1f} MB/s" if plain.telling else "whatever the link carries"
            self._tell(f"{verb} on its way: {rates}, and of what comes {sample.ratio:.0%} would be left")
        return found

    def spared(self, load: Load, size: int) -> int:
        """Return how many of so many bytes of a load did not have to go over the wire, and forget the load."""
        with self._lock:
            tally = self._tallies.pop(_name(load), _Tally())
            if isinstance(load, Part):
                self._samples.pop(_sort(load), None)
                self._asked.pop(_sort(load), None)
        return max(0, size * (tally.raw - tally.wire) // tally.raw) if tally.raw else 0

    def distrust(self, error: SourceChangedError) -> None:
        """Read the parent as it is from now on: what compresses there makes something else of it."""
        with self._lock:
            news = "source" not in self._plain
            self._plain.add("source")
        if news:
            self._tell(f"the parent's bytes are not compressed any more: {error.what}")

    def begin(self, *, compressed: bool) -> None:
        """Take note that somebody begins to bring bytes."""
        with self._lock:
            busy = self._busy[compressed]
            if not busy.count:
                busy.since = self._clock()
            busy.count += 1

    def end(self, passage: "Passage", *, compressed: bool) -> None:
        """Take note of what somebody brought."""
        with self._lock:
            busy, now = self._busy[compressed], self._clock()
            busy.count -= 1
            busy.moved = Moved(busy.moved.count + passage.raw, busy.moved.seconds + now - busy.since)
            busy.since = now
            tally = self._tallies.setdefault(_name(passage.load), _Tally())
            tally.raw += passage.raw
            legs = dict(zip(LEGS, passage.legs, strict=True))
            tally.wire += max((legs[leg] for leg in self._legs), default=passage.raw)

    def sample(self, load: Load, raw: bytes, tool: str) -> bool:
        """Find out what a tool makes of some bytes of a load; tell whether more of them are wanted for that."""
        sort, engine = _sort(load), packing.packer(tool)
        began = self._clock()
        left = len(engine.compress(raw)) + len(engine.flush())
        seconds = self._clock() - began
        with self._lock:
            known = self._samples.get(sort, Sample())
            self._samples[sort] = Sample(known.raw + len(raw), known.left + left, known.seconds + seconds)
            return not self._samples[sort].whole


class Passage:
    """Bytes on their way from one command to another; use it as a context manager.

    Attributes:
        load: what they are part of.
        raw: bytes of files that came, as they are.
        came, went: bytes that came from the parent, and went to the child, as they were on the wire.
    """

    def __init__(self, wire: Wire, load: Load, tools: Tools, wanted: bool | None) -> None:
        self.load = load
        self.raw = self.came = self.went = 0
        self._wire = wire
        self._tools = tools
        self._source, self._target = (bool(tool and wanted) for tool in tools)
        self._reads = False
        self._sampling = wanted is None
        self._later = wanted is None and bool(tools[1])
        self._packer = packing.packer(tools[1]) if self._target else packing.wrapper(tools[1]) if self._later else None

    def __enter__(self) -> "Passage":
        self._wire.begin(compressed=self._source or self._target)
        return self

    def __exit__(self, *_error: object) -> None:
        self._wire.end(self, compressed=self._source or self._target)

    def reading(self, command: Command) -> Command:
        """Return the parent's command as it prints for this passage."""
        self._reads = True
        return _compressed(command, self._tools[0]) if self._source else command

    def writing(self, command: Command) -> Command:
        """Return the child's command as it takes what comes by this passage."""
        return _compressed(command, self._tools[1]) if self._packer else command

    @property
    def legs(self) -> tuple[int, int]:
        """Bytes on the wire from the parent, and to the child. What another had read came as it is."""
        return self.came if self._reads else self.raw, self.went

    def opened(self, source: Conversation) -> Iterator[bytes]:
        """Yield what the command that was started by `reading` reads, as it is.

        Raises:
            SourceChangedError: it came damaged.
            HostError: the host failed.
        """
        return self._opened(source) if self._source else self._counted(source)

    def pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the bytes of files that go by this passage, whoever had them read."""
        for piece in pieces:
            self.raw += len(piece)
            if self._sampling:
                self._sampling = self._wire.sample(self.load, piece[:SAMPLE], packing.slowest(self._tools))
            yield piece

    def write(self, target: Conversation, data: bytes) -> None:
        """Send something to the child's command, at the pace that is allowed.

        Raises:
            HostError: the host failed.
        """
        if self._later and (decided := self._wire.decided(self)) is not None:
            self._later = False
            if decided:
                self._turn(target)
        self._send(target, self._packer.compress(data) if self._packer else data)

    def close(self, target: Conversation) -> None:
        """Send what is left: nothing comes any more."""
        if self._packer:
            self._send(target, self._packer.flush())

    def _send(self, target: Conversation, data: bytes) -> None:
        self.went += len(data)
        pace = self._wire.pace
        while data:
            step = pace.step or len(data)
            pace(len(data[:step]))
            target.write(data[:step])
            data = data[step:]

    def _turn(self, target: Conversation) -> None:
        """Compress what follows: the tools take several streams for one."""
        self.close(target)
        self._wire.end(self, compressed=False)
        self.raw = self.came = self.went = 0
        self._packer = packing.packer(self._tools[1])
        self._target = True
        self._wire.begin(compressed=True)

    def _opened(self, source: Conversation) -> Iterator[bytes]:
        try:
            yield from inflated(self._counted(source), source, self._tools[0])
        except SourceChangedError as error:
            self._wire.distrust(error)
            raise

    def _counted(self, source: Conversation) -> Iterator[bytes]:
        for piece in source.pieces():
            self.came += len(piece)
            yield piece


def inflated(pieces: Iterator[bytes], source: Conversation, tool: str) -> Iterator[bytes]:
    """Yield what compressed pieces hold, never more than a piece of it at once, whatever a host may send.

    Args:
        pieces: as they come.
        source: who sends them: asked for its words when they are damaged.
        tool: what compressed them there.

    Raises:
        SourceChangedError: they are damaged, or end too soon, or nothing comes of them.
    """
    engine = Inflating(tool, PIECE)
    try:
        for piece in pieces:
            yield from engine.feed(piece)
        engine.end()
    except DamagedError as error:
        raise _damaged(source, tool, str(error)) from None


def _damaged(source: Conversation, tool: str, words: str) -> SourceChangedError:
    said = complaint(source.said, 200)
    told = f"; it said: {said}" if said else ""
    return SourceChangedError(f"what its {tool} sends is damaged: {words}{told}", where=source.label)


def _name(load: Load) -> Key:
    """Return what the tries of a load have in common, where one goes on with what another brought."""
    return load.change.key if isinstance(load, Part) else load.attempt.encode()


def _sort(load: Load) -> Key:
    """Return by what bytes are taken to be of one sort: of all small files one sample is taken."""
    return load.change.key if isinstance(load, Part) else b""


def _compressed(command: Command, tool: str) -> Command:
    return replace(command, variables={**command.variables, "PACK": tool.encode()})


def between(parent: Repository, child: Repository, stop: Stop, clocks: Clocks, tell: Callable[[str], None]) -> Wire:
    """Return the way of bytes between two repositories, as the child's options say.

    Args:
        parent, child: both ends; where one lies on the controller, nothing goes over a wire to it.
        stop: ends the waiting for a pace.
        clocks: the controller's time in seconds since the epoch, and seconds that never jump.
        tell: told in words what was decided.
    """
    legs = [leg for leg, end in zip(LEGS, (parent, child), strict=True) if end.host.transport != LOCAL]
    now, monotonic = clocks
    pace = Pace(child.bwlimit, monotonic, stop.sleep, lambda: wall(now()))
    return Wire(child.compress, legs, pace, monotonic, tell)
