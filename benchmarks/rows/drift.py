"""Packages of many hosts held against each other, beside what people write for it: a loop of ssh and a comparison."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from benchmarks.row import OURS, Row, Target
from benchmarks.wire import Link
from sshsync.remote.scripts.program import python

LOOP, PIP_LIST = "ssh in a loop", "pip list"
MIB = 1 << 20
FILES = 20
"""Files of a package."""


def environment(top: Path, packages: int, newer: int) -> Path:
    """Make an environment with pip and so many packages; the first few of them are newer ones."""
    subprocess.run([sys.executable, "-m", "venv", str(top)], check=True)
    (site,) = top.glob("lib/python*/site-packages")
    for number in range(packages):
        version = "1.1" if number < newer else "1.0"
        info = site / f"package_{number:04}-{version}.dist-info"
        info.mkdir()
        files = [f"package_{number:04}/m{one}.py" for one in range(FILES)]
        (site / f"package_{number:04}").mkdir()
        for file in files:
            (site / file).touch()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{number:04}\nVersion: {version}\n")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, f"{info.name}/METADATA")))
        (info / "INSTALLER").write_text("pip\n")
    return top


class Drift(Row):
    name, theme = "drift", "packages"
    title = "50 hosts with 500 packages each compared, cold"
    targets: ClassVar[Sequence[Target]] = (Target("seconds", 12.0), Target("seconds", 0.3, LOOP))
    link: ClassVar[Link | None] = None
    hosts, packages, differing = 50, 500, 10

    def setup(self) -> None:
        lab = self.lab
        count, packages = lab.size.of(self.hosts, 3), lab.size.of(self.packages, 20)
        made = [environment(lab.top / f"env{newer}", packages, newer) for newer in (0, self.differing)]
        self.paths = {f"h{number:02}": made[number == 0] for number in range(count)}
        sections = {name: lab.host(name, self.link).section(path, type="pip") for name, path in self.paths.items()}
        lab.configure(sections)

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return {OURS: self._ours, LOOP: self._loop}

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - nothing is kept
        self.differ = -1

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - both tell the same
        return self.differ == self.differing

    def _ours(self, _step: str) -> None:
        words = [sys.executable, "-m", "sshsync", "-c", str(self.lab.config), "drift", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.differ = json.loads(done.stdout.splitlines()[-1])["differing"] if done.stdout else -1

    def _loop(self, _step: str) -> None:
        held: dict[str, set[str]] = {}
        for name, path in self.paths.items():
            said = subprocess.run(
                ["ssh", "-F", str(self.lab.ssh_config), name, f"{path}/bin/python -m pip list --format=json"],
                capture_output=True,
                check=True,
            )
            for one in json.loads(said.stdout):
                held.setdefault(one["name"], set()).add(one["version"])
        self.differ = sum(len(versions) > 1 for versions in held.values())


class DriftFar(Drift):
    name = "drift-far"
    title = "the same over 40 ms round trip"
    targets = (Target("seconds", 0.1, LOOP),)
    link = Link(delay=0.02)


class Listing(Row):
    name, theme = "pip-listing", "packages"
    title = "500 packages listed on their host"
    targets = (Target("seconds", 0.3, PIP_LIST),)

    def setup(self) -> None:
        self.made = environment(self.lab.top / "env", self.lab.size.of(500, 20), 0)
        self.program = python("programs/work", "programs/pip", room="sshsync.kinds")
        self.listed = 0

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        own = str(self.made / "bin/python")
        return {
            OURS: lambda _step: self._count([own, "-E", "-s", "-B", "-c", self.program, "T", "", ""], b'"version"'),
            PIP_LIST: lambda _step: self._count([own, "-m", "pip", "list", "--format=json"], b'"version"'),
        }

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - nothing is kept
        self.listed = 0

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - both list the same
        return self.listed >= self.lab.size.of(500, 20)

    def _count(self, words: list[str], what: bytes) -> None:
        self.listed = subprocess.run(words, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout.count(
            what
        )


class Unchanged(Drift):
    """All but the first are its children, and hold what it does."""

    name = "packages-unchanged"
    title = "50 hosts with 500 packages each synchronized, nothing to do"
    targets = (Target("seconds", 20.0),)
    differing = 0

    def setup(self) -> None:
        lab = self.lab
        made = environment(lab.top / "env", lab.size.of(self.packages, 20), 0)
        self.paths = {f"h{number:02}": made for number in range(lab.size.of(self.hosts, 3) + 1)}
        sections = {name: lab.host(name, self.link).section(path, type="pip") for name, path in self.paths.items()}
        first, *self.children = sections
        lab.configure(
            {name: text + ("" if name == first else f"parent = {first}\n") for name, text in sections.items()}
        )

    def _ours(self, _step: str) -> None:
        self.differ = self.lab.sshsync("--sync", ",".join(self.children))


class DriftMemory(Row):
    """A thousand repositories on this machine itself: what is measured is what the controller holds."""

    name, theme = "drift-memory", "packages"
    title = "1,000 environments with 2,000 packages each compared"
    targets = (Target("memory", 400 * MIB),)

    def setup(self) -> None:
        made = environment(self.lab.top / "env", self.lab.size.of(2000, 20), 0)
        sections = {}
        for number in range(self.lab.size.of(1000, 3)):
            place = self.lab.top / f"e{number:04}"
            os.symlink(made, place)
            sections[f"e{number:04}"] = f"type = pip\ntransport = local\npath = {place}\n"
        self.lab.state.mkdir(exist_ok=True, mode=0o700)
        self.lab.configure(sections)
        self.code = -1

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return {OURS: self._go}

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - nothing is kept
        self.code = -1

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - they are one environment
        return self.code == 0

    def _go(self, _step: str) -> None:
        self.code = self.lab.sshsync("drift")


ROWS = (Drift, DriftFar, Listing, Unchanged, DriftMemory)
