"""An unchanged repository, bigger and bigger: what a nightly run costs when there is nothing to do."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from benchmarks import peers, trees
from benchmarks.row import OURS, Row, Target
from benchmarks.wire import Count, Link

SHARES = {"sixteenth": 1 / 16, "quarter": 1 / 4, "all": 1.0}


class Growth(Row):
    """Both ends hold the same, and a run before the measured one has seen it."""

    name, theme = "growth", "growth"
    title = "1,000,000 entries on both sides, unchanged"
    steps: ClassVar[Mapping[str, str]] = {
        "sixteenth": "a sixteenth of them",
        "quarter": "a quarter of them",
        "all": "all of them",
    }
    targets = (
        *(Target("seconds", 1.0, peers.RSYNC, plus=1.0, step=step) for step in steps),
        Target("memory", 512 << 20, step="all"),
        Target("first_memory", 512 << 20, step="all"),
        Target("journal_per_file", 0, step="all"),
    )
    needs = ("rsync",)

    def setup(self) -> None:
        self.host = self.lab.host("child", Link())
        whole = self.lab.size.of(1_000_000, 800)
        self.entries = {step: int(whole * share) for step, share in SHARES.items()}
        self.pairs: dict[str, tuple[Path, Path]] = {}
        sections = {}
        for number, (step, count) in enumerate(self.entries.items()):
            source, target = self.pairs[step] = self.lab.top / f"source{number}", self.host.root / f"target{number}"
            for root in (source, target):
                trees.small(root, count, 8, by=1000)
            sections[f"source{number}"] = f"transport = local\npath = {source}\n"
            sections[f"target{number}"] = f"parent = source{number}\n" + self.host.section(target)
        self.lab.configure(sections)

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return {OURS: self._sync, peers.RSYNC: self._rsync}

    def prepare(self, way: str, step: str) -> None:
        if way == OURS:
            self.lab.memory = 0
            self._sync(step)
            self.first_memory, self.journal = self.lab.memory, self.lab.journal()

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - all end alike
        source, target = self.pairs[step]
        return trees.digests(source) == trees.digests(target)

    def across(self, step: str) -> float:
        return self.entries[step]

    def more(self, way: str, step: str, count: Count) -> Mapping[str, float]:  # noqa: ARG002 - nothing is of the wire
        if way != OURS:
            return {}
        grown = (self.lab.journal() - self.journal) / self.entries[step]
        return {"first_memory": self.first_memory, "journal_per_file": grown}

    def _sync(self, step: str) -> int:
        return self.lab.sshsync("--sync", self.pairs[step][1].name)

    def _rsync(self, step: str) -> int:
        source, target = self.pairs[step]
        return peers.rsync_push(self.lab, source, self.host, target)


ROWS = (Growth,)
