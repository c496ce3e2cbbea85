"""A file over a link that breaks again and again, and one over a link that loses packets."""

import time
from collections.abc import Callable, Mapping

from benchmarks import peers, trees
from benchmarks.row import OURS, Target
from benchmarks.rows.push import Push
from benchmarks.wire import Count, Link

PATIENCE, SMALL_PATIENCE = 180, 90
"""Seconds after which a way that has not arrived never will."""
APPENDING = "rsync --append-verify"


class Breaking(Push):
    name, theme = "breaking", "breaking"
    title = "64 MB over a link that breaks every 10 MB"
    targets = (Target("seconds", 0.5, APPENDING), Target("resent_per_cut", 4 << 20))

    def setup(self) -> None:
        self.link = Link(delay=0.01, rate=25e6, cut=self.lab.size.of(10e6, 1e6))
        super().setup()

    def fill(self) -> None:
        trees.big(self.source / "file", self.lab.size.of(64e6, 3e6))
        self.patience = SMALL_PATIENCE if self.lab.size.small else PATIENCE

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        words = [
            *peers.rsync(self.lab, "--partial", "--append-verify", "--fsync"),
            f"{self.source}/",
            f"{self.host.name}:{self.target}/",
        ]
        return {
            OURS: lambda _step: self._until(self._sync),
            APPENDING: lambda _step: self._until(lambda: self.lab.run(words)),
        }

    def more(self, way: str, step: str, count: Count) -> Mapping[str, float]:  # noqa: ARG002 - the same for all
        again = count.sent - (self.source / "file").stat().st_size
        return {"cuts": count.cuts, "resent_per_cut": again / max(1, count.cuts)}

    def _sync(self) -> int:
        return self.lab.sshsync("--sync", "target", most=self.patience)

    def _until(self, go: Callable[[], int]) -> None:
        """Begin anew until it arrived, or it never will."""
        until = time.monotonic() + self.patience
        while go() != 0 and time.monotonic() < until:
            continue


class Lossy(Push):
    name, theme = "lossy", "breaking"
    title = "16 MB, 200 Mbit/s, 100 ms round trip, 1 % loss"
    link = Link(delay=0.05, rate=25e6, loss=0.01)
    targets = (
        Target("seconds", 1 / 3, peers.SCP),
        Target("seconds", 1 / 3, peers.RSYNC_FSYNC),
    )
    needs = ("rsync", "scp")

    def fill(self) -> None:
        trees.big(self.source / "file", self.lab.size.of(16e6, 5e5))

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        copy = self.source / "file", self.host, self.target / "file"
        return {**super().ways, peers.SCP: lambda _step: peers.scp_push(self.lab, *copy)}


ROWS = (Breaking, Lossy)
