"""A tree as people have it: copied, left alone twice, changed a little."""

import time
from collections.abc import Mapping
from typing import ClassVar

from benchmarks import peers, trees
from benchmarks.row import OURS, Target
from benchmarks.rows.push import Push
from benchmarks.wire import Count

REST = 3
"""Seconds for which the tree was left alone before it is copied."""
FIRST, SECOND, THIRD, CHANGED = "first copy", "second run", "third run", "changed"


class Tree(Push):
    name, theme = "tree", "tree"
    title = "a real tree of 35,000 files"
    options: ClassVar[Mapping[str, object]] = {"delete": "yes"}
    rsyncs: ClassVar[Mapping[str, tuple[str, ...]]] = {peers.RSYNC_FSYNC: ("--fsync",), peers.RSYNC: ()}
    steps: ClassVar[Mapping[str, str]] = {
        FIRST: "first copy",
        SECOND: "unchanged, second run",
        THIRD: "unchanged, third run",
        CHANGED: "2 % changed, 1 % deleted, 1 % renamed",
    }
    targets = (
        Target("seconds", 1.2, peers.RSYNC_FSYNC, step=FIRST),
        Target("journal_per_file", 200, step=FIRST),
        Target("seconds", 1.0, peers.RSYNC, plus=1.0, step=SECOND),
        Target("journal_per_file", 0, step=SECOND),
        Target("seconds", 1.0, peers.RSYNC, plus=1.0, step=THIRD),
        Target("wire", 1.1, peers.RSYNC_FSYNC, step=CHANGED),
        Target("seconds", 1.5, peers.RSYNC_FSYNC, step=CHANGED),
    )

    def fill(self) -> None:
        self.young, self.old = self.lab.top / "young", self.lab.top / "old"
        trees.real(self.young, self.lab.size.of(35_000, 400))
        trees.mirror(self.young, self.old)
        trees.age(self.old)
        self.files = sum(1 for file in self.young.rglob("*") if file.is_file())

    def prepare(self, way: str, step: str) -> None:
        if step == FIRST:
            trees.mirror(self.young, self.source)
            super().prepare(way, step)
            # A file that changed in these seconds may change again under the same stamp: nobody would know it again.
            time.sleep(REST)
        elif step == CHANGED:
            trees.mirror(self.old, self.source)
        self.journal = self.lab.journal()

    def more(self, way: str, step: str, count: Count) -> Mapping[str, float]:  # noqa: ARG002 - each step has a journal
        return {"journal_per_file": (self.lab.journal() - self.journal) / self.files} if way == OURS else {}


ROWS = (Tree,)
