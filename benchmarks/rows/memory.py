"""What the controller holds in memory while a huge file goes through it."""

from collections.abc import Callable, Mapping

from benchmarks import trees
from benchmarks.row import OURS, Row, Target

MIB = 1 << 20


class Huge(Row):
    """Two hosts on loopback; nobody else is measured beside."""

    name, theme = "memory", "memory"
    title = "one file of 10 GiB from host to host"
    targets = (Target("memory", 120 * MIB),)

    def setup(self) -> None:
        parent, child = self.lab.host("parent"), self.lab.host("child")
        self.source, self.target = parent.root / "repo", child.root / "repo"
        self.source.mkdir()
        trees.sparse(self.source / "file", self.lab.size.of(10 << 30, 48 << 20))
        self.lab.configure(
            {"parent": parent.section(self.source), "child": "parent = parent\n" + child.section(self.target)}
        )

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return {OURS: lambda _step: self.lab.sshsync("--sync", "child")}

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - all begin alike
        trees.empty(self.target)
        self.lab.forget()

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - all end alike
        return trees.digests(self.source) == trees.digests(self.target)


ROWS = (Huge,)
