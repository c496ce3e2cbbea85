"""What a row of the table is, and how it is measured: every way in turn, each checked for its result."""

import abc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from benchmarks.lab import Lab
from benchmarks.wire import Count

OURS = "sshsync"


@dataclass(frozen=True)
class Target:
    """What is aimed at: a figure of sshsync's is at most `most`, or that times the peer's (`beside`) and `plus` more.

    `figure` is `seconds`, `wire` (bytes both ways), `sent`, `received`, `memory`, or one of the row's own.
    """

    figure: str
    most: float
    beside: str = ""
    plus: float = 0.0
    step: str = ""


@dataclass(frozen=True)
class Figures:
    """What one go took: seconds, bytes that the controller sent and received, its memory, the row's own figures."""

    seconds: float
    sent: int
    received: int
    memory: int
    arrived: bool
    more: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> float:
        """Return a figure by the name that a target has for it."""
        if name == "wire":
            return self.sent + self.received
        return float(self.more[name] if name in self.more else getattr(self, name))


class Row(abc.ABC):
    """One piece of work and the ways to do it.

    A row has one or more steps, which follow each other in this order for each way; `prepare` comes before each and is
    not timed.
    """

    name: ClassVar[str]
    theme: ClassVar[str]
    title: ClassVar[str]
    steps: ClassVar[Mapping[str, str]] = {"": ""}
    targets: ClassVar[Sequence[Target]] = ()
    needs: ClassVar[Sequence[str]] = ()
    """Programs without which the row is left out."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @property
    @abc.abstractmethod
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        """What does the work, sshsync first; each is called with the step."""

    @abc.abstractmethod
    def setup(self) -> None:
        """Make hosts and data, once."""

    @abc.abstractmethod
    def prepare(self, way: str, step: str) -> None:
        """Bring both ends to where this step begins."""

    @abc.abstractmethod
    def arrived(self, way: str, step: str) -> bool:
        """Return whether the right bytes are where they belong."""

    def across(self, step: str) -> float | None:  # noqa: ARG002 - for rows that grow
        """Return how big the work of this step is, for a picture with lines."""
        return None

    def more(self, way: str, step: str, count: Count) -> Mapping[str, float]:  # noqa: ARG002 - few rows have some
        """Return the row's own figures of what was just done."""
        return {}


Measured = dict[str, dict[str, list[Figures]]]
"""By step, by way, one of each round."""


def measure(row: Row, rounds: int, told: Callable[[str], None] = print) -> Measured:
    """Set a row up and measure it, the ways by turns, so that what else the machine does falls on all of them."""
    row.setup()
    found: Measured = {step: {way: [] for way in row.ways} for step in row.steps}
    for number in range(rounds):
        for way, go in row.ways.items():
            for step in row.steps:
                row.prepare(way, step)
                found[step][way].append(once(row, way, step, go))
                told(f"  {number + 1}/{rounds} {way}{': ' if step else ''}{step} {found[step][way][-1].seconds:.2f} s")
    return found


def once(row: Row, way: str, step: str, go: Callable[[str], object]) -> Figures:
    """Do the work of one step once."""
    row.lab.memory = 0
    before, began = row.lab.count(), time.perf_counter()
    go(step)
    seconds = time.perf_counter() - began
    count = row.lab.count() - before
    more = row.more(way, step, count)
    return Figures(seconds, count.sent, count.received, row.lab.memory, row.arrived(way, step), more)


def middle(goes: Sequence[Figures]) -> Figures:
    """Return the medians of several rounds."""
    more = {name: statistics.median(go.more[name] for go in goes) for name in goes[0].more}
    sent, received, memory = (
        int(statistics.median(getattr(go, name) for go in goes)) for name in ("sent", "received", "memory")
    )
    return Figures(
        statistics.median(go.seconds for go in goes), sent, received, memory, all(go.arrived for go in goes), more
    )
