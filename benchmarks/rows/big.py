"""One big file, pushed and pulled, beside scp with what it takes to know that the copy is right."""

from collections.abc import Callable, Mapping

from benchmarks import peers, trees
from benchmarks.row import OURS, Row, Target
from benchmarks.rows.push import Push
from benchmarks.wire import Link

SIZE, SMALL = 512e6, 3e6
LONG = Link(delay=0.025)


class BigPush(Push):
    name, theme = "big-push", "big"
    title = "512 MB, 0 ms, push"
    targets = (Target("seconds", 1.0, peers.SCP),)
    needs = ("scp",)

    def fill(self) -> None:
        trees.big(self.source / "file", self.lab.size.of(SIZE, SMALL))

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        copy = self.source / "file", self.host, self.target / "file"
        return {
            OURS: lambda _step: self.lab.sshsync("--sync", "target"),
            peers.SCP: lambda _step: peers.scp_push(self.lab, *copy),
        }


class BigPushFar(BigPush):
    name, title, link = "big-push-50ms", "512 MB, 50 ms round trip, push", LONG
    targets = (Target("seconds", 1 / 2.5, peers.SCP),)


class BigPull(Row):
    name, theme = "big-pull", "big"
    title = "512 MB, 0 ms, pull"
    targets = (Target("seconds", 1.0, peers.SCP),)
    needs = ("scp",)
    link = Link()

    def setup(self) -> None:
        lab = self.lab
        self.host = lab.host("parent", self.link)
        self.source, self.target = self.host.root / "source", lab.top / "target"
        self.source.mkdir()
        trees.big(self.source / "file", lab.size.of(SIZE, SMALL))
        lab.configure(
            {
                "source": self.host.section(self.source),
                "target": f"parent = source\ntransport = local\npath = {self.target}\n",
            }
        )

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        copy = self.host, self.source / "file", self.target / "file"
        return {
            OURS: lambda _step: self.lab.sshsync("--sync", "target"),
            peers.SCP: lambda _step: peers.scp_pull(self.lab, *copy),
        }

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - all begin alike
        trees.empty(self.target)
        self.lab.forget()

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - all end alike
        return trees.digests(self.source) == trees.digests(self.target)


class BigPullFar(BigPull):
    name, title, link = "big-pull-50ms", "512 MB, 50 ms round trip, pull", LONG
    targets = (Target("seconds", 1 / 6, peers.SCP),)


ROWS = (BigPush, BigPull, BigPushFar, BigPullFar)
