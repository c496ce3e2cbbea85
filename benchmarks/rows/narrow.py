"""Links that are narrow: by a limit that is set, or by themselves."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from benchmarks import peers, trees
from benchmarks.row import Target
from benchmarks.rows.push import Push
from benchmarks.wire import Count, Link

LIMIT = 4_000_000
EVERY = 0.1
"""Seconds between two looks at the wire."""
LIMITED = f"rsync --bwlimit={LIMIT // 1024}"


class Bwlimit(Push):
    name, theme = "bwlimit", "narrow"
    title = "bwlimit = 4M: one file of 40 MB in several streams, 400 of 50 kB, 50 ms round trip"
    link = Link(delay=0.025)
    options: ClassVar[Mapping[str, object]] = {"bwlimit": "4M", "streams": "4"}
    rsyncs: ClassVar[Mapping[str, tuple[str, ...]]] = {LIMITED: (f"--bwlimit={LIMIT // 1024}",)}
    targets = (Target("off", 0.05), Target("second", 1.25 * LIMIT))

    def fill(self) -> None:
        trees.big(self.source / "file", self.lab.size.of(40e6, 3e6))
        trees.small(self.source / "small", self.lab.size.of(400, 40), 50_000)

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return {name: lambda step, go=go: self._watched(go, step) for name, go in super().ways.items()}  # type: ignore[misc]

    def more(self, way: str, step: str, count: Count) -> Mapping[str, float]:  # noqa: ARG002 - the same for all
        """Return how far the rate is off while bytes flow, and the most that went within a second."""
        looks, total = self._looks, count.sent
        first = next(number for number, (_, sent) in enumerate(looks) if sent > total * 0.05)
        last = next(number for number, (_, sent) in enumerate(looks) if sent > total * 0.95)
        (start, before), (end, after) = looks[first], looks[last]
        rate = (after - before) / max(EVERY, end - start)
        second = int(1 / EVERY)
        most = max(
            (later - now) / max(EVERY, at - since)
            for (since, now), (at, later) in zip(looks, looks[second:], strict=False)
        )
        return {"off": abs(rate / LIMIT - 1), "second": most}

    def _watched(self, go: Callable[[str], object], step: str) -> None:
        self._looks: list[tuple[float, int]] = []
        over = threading.Event()
        begin = self.lab.count().sent

        def look() -> None:
            while not over.wait(EVERY):
                self._looks.append((time.perf_counter(), self.lab.count().sent - begin))

        watching = threading.Thread(target=look)
        watching.start()
        try:
            go(step)
        finally:
            over.set()
            watching.join()


class Compressed(Push):
    name, theme = "compress", "narrow"
    title = "32 MB of words, half of them in small files, 16 Mbit/s, compress = auto"
    link = Link(delay=0.01, rate=2e6)
    options: ClassVar[Mapping[str, object]] = {"compress": "auto"}
    rsyncs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "rsync -z --fsync": ("-z", "--fsync"),
        peers.RSYNC_FSYNC: ("--fsync",),
    }
    targets = (Target("seconds", 1.0, peers.RSYNC_FSYNC), Target("wire", 0.6, peers.RSYNC_FSYNC))

    def fill(self) -> None:
        half = self.lab.size.of(16e6, 2e6)
        trees.words(self.source / "file", half)
        for number in range(half // 100_000):
            trees.words(self.source / f"small{number:04}", 100_000, seed=number)


ROWS = (Bwlimit, Compressed)
