"""What most rows have in common: a directory on the controller, and a host that is to have the same."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from benchmarks import peers, trees
from benchmarks.lab import Host
from benchmarks.row import OURS, Row
from benchmarks.wire import Link


class Push(Row):
    """From a directory on the controller to a host behind a link. Its rows say what is in there."""

    link: Link | None = Link()
    options: ClassVar[Mapping[str, object]] = {}
    """Options of the configuration; `delete` among them goes for rsync too."""
    rsyncs: ClassVar[Mapping[str, tuple[str, ...]]] = {peers.RSYNC_FSYNC: ("--fsync",)}
    """What rsync is called with, by the name of the way."""
    needs: ClassVar[Sequence[str]] = ("rsync",)
    host: Host
    source: Path
    target: Path

    def setup(self) -> None:
        lab = self.lab
        self.host = lab.host("child", self.link)
        self.source, self.target = lab.top / "source", self.host.root / "target"
        self.source.mkdir()
        lab.configure(
            {
                "source": f"transport = local\npath = {self.source}\n",
                "target": "parent = source\n" + self.host.section(self.target),
            },
            **self.options,
        )
        self.fill()

    def fill(self) -> None:
        """Make what is to be copied."""

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        delete = ("--delete",) if self.options.get("delete") == "yes" else ()

        def way(options: tuple[str, ...]) -> Callable[[str], object]:
            return lambda _step: peers.rsync_push(self.lab, self.source, self.host, self.target, *options, *delete)

        return {OURS: lambda _step: self.lab.sshsync("--sync", "target")} | {
            name: way(words) for name, words in self.rsyncs.items()
        }

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - all begin alike
        trees.empty(self.target)
        self.lab.forget()

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - all end alike
        return trees.digests(self.source) == trees.digests(self.target)
