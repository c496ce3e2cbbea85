"""More than two hosts: a chain of three hops, and one parent of many children."""

from collections.abc import Callable, Mapping

from benchmarks import peers, trees
from benchmarks.lab import Host
from benchmarks.row import OURS, Row, Target
from benchmarks.wire import Count, Link

ONE_HOP, PARALLEL = "one hop", "scp side by side"


class Chain(Row):
    name, theme = "chain", "chain"
    title = "100 MB through three hops, 200 Mbit/s each"
    targets = (Target("seconds", 1.15, ONE_HOP),)
    names = ("master", "first", "second", "third")

    def setup(self) -> None:
        lab = self.lab
        hosts = {name: lab.host(name, Link(rate=25e6)) for name in self.names}
        self.roots = {name: host.root / "repo" for name, host in hosts.items()}
        parents = dict(zip(self.names[1:], self.names, strict=False))
        trees.empty(self.roots["master"])
        trees.big(self.roots["master"] / "file", lab.size.of(100e6, 2e6))
        sections = {name: hosts[name].section(self.roots[name]) for name in self.names}
        for child, parent in parents.items():
            sections[child] += f"parent = {parent}\n"
        lab.configure(sections, pipeline="yes")

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        every = [word for name in self.names[1:] for word in ("--sync", name)]
        return {
            OURS: lambda _step: self.lab.sshsync(*every),
            ONE_HOP: lambda _step: self.lab.sshsync("--sync", "first"),
        }

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - all begin alike
        for name in self.names[1:]:
            trees.empty(self.roots[name])
        self.lab.forget()

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - one step
        ends = self.names[1:] if way == OURS else self.names[1:2]
        return all(trees.digests(self.roots[name]) == trees.digests(self.roots["master"]) for name in ends)


class Fan(Row):
    name, theme = "fan", "chain"
    title = "100 MB from one parent to 32 children"
    targets = (Target("parent_sent", 110e6), Target("seconds", 1.1, PARALLEL))
    needs = ("scp",)

    def setup(self) -> None:
        lab = self.lab
        self.parent = lab.host("parent", Link())
        self.source = self.parent.root / "repo"
        trees.empty(self.source)
        trees.big(self.source / "file", lab.size.of(100e6, 1e6))
        self.children: dict[str, Host] = {f"child{n:02}": lab.host(f"child{n:02}") for n in range(lab.size.of(32, 3))}
        sections = {
            name: f"parent = parent\n{host.section(host.root / 'repo')}" for name, host in self.children.items()
        }
        lab.configure({"parent": self.parent.section(self.source), **sections})

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        copies = [
            [*peers.scp(self.lab), str(self.source / "file"), f"{name}:{host.root}/repo/file"]
            for name, host in self.children.items()
        ]
        return {
            OURS: lambda _step: self.lab.sshsync("--sync", ",".join(self.children)),
            PARALLEL: lambda _step: self.lab.together(copies),
        }

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - all begin alike
        for host in self.children.values():
            trees.empty(host.root / "repo")
        self.lab.forget()

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - all end alike
        wanted = trees.digests(self.source)
        return all(trees.digests(host.root / "repo") == wanted for host in self.children.values())

    def more(self, way: str, step: str, count: Count) -> Mapping[str, float]:  # noqa: ARG002 - only the parent's wire counts
        return {"parent_sent": count.received} if way == OURS else {}


ROWS = (Chain, Fan)
