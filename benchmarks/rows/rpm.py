"""Packages of rpm brought to what another host has, beside what an operator types on each host."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.row import OURS, Row, Target

BY_HAND = "dnf by hand"


class RpmChanges(Row):
    """Half of them up and half down, in roots of their own. What dnf does by hand is neither foreseen nor verified."""

    name, theme = "rpm-changes", "packages"
    title = "20 packages of rpm changed by dnf"
    targets = (Target("seconds", 1.0, BY_HAND, 2.0),)
    needs = ("rpmbuild", "createrepo_c", "dnf")
    packages = 20

    def setup(self) -> None:
        top, count = self.lab.top / "rpms", self.lab.size.of(self.packages, 4)
        top.mkdir()
        self.child, self.before = top / "child", top / "before"
        repository = top / "repository"
        repository.mkdir()
        built = [{version: rpm(top, f"package{number:02}", version) for version in (1, 2)} for number in range(count)]
        for one in built:
            for package in one.values():
                shutil.copy(package, repository)
        subprocess.run(["createrepo_c", "--quiet", str(repository)], check=True)
        versions = {"parent": (1, 2), "before": (2, 1)}
        for name, held in versions.items():
            root(top / name, repository, [one[held[number % 2]] for number, one in enumerate(built)])
        self.wanted = [f"package{number:02}-{versions['parent'][number % 2]}-1.noarch" for number in range(count)]
        sections = {
            name: self.lab.host(name).section(top / name, type="rpm") + more
            for name, more in (("parent", ""), ("child", "parent = parent\n"))
        }
        self.lab.configure(sections)

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return {OURS: lambda _step: self.lab.sshsync("--sync", "child"), BY_HAND: self._by_hand}

    def prepare(self, way: str, step: str) -> None:  # noqa: ARG002 - all begin at the same
        shutil.rmtree(self.child, ignore_errors=True)
        shutil.copytree(self.before, self.child, symlinks=True)

    def arrived(self, way: str, step: str) -> bool:  # noqa: ARG002 - all lead to the same
        words = ["rpm", "--root", str(self.child), "-qa"]
        return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()) == set(self.wanted)

    def _by_hand(self, _step: str) -> None:
        words = f"dnf --installroot={self.child} -y install {' '.join(self.wanted)}"
        subprocess.run(["ssh", "-F", str(self.lab.ssh_config), "child", words], capture_output=True, check=True)


def rpm(top: Path, name: str, version: int) -> Path:
    """Build a package of some KB."""
    place = top / "built" / f"{name}-{version}"
    place.mkdir(parents=True)
    (place / "spec").write_text(
        f"Name: {name}\nVersion: {version}\nRelease: 1\nSummary: test\nLicense: MIT\nBuildArch: noarch\n%description\n"
        f"test\n%install\nmkdir -p %{{buildroot}}/opt/{name}\nhead -c 20000 /dev/urandom >%{{buildroot}}/opt/{name}/f\n"
        f"%files\n/opt/{name}\n"
    )
    defined = [word for one in ("_topdir", "_rpmdir") for word in ("--define", f"{one} {place}")]
    subprocess.run(["rpmbuild", "-bb", "--quiet", *defined, str(place / "spec")], check=True, capture_output=True)
    return next(place.rglob("*.rpm"))


def root(place: Path, repository: Path, packages: Sequence[Path]) -> None:
    """Make a root with packages, whose dnf takes others from a repository."""
    for directory in ("etc/dnf", "etc/yum.repos.d"):
        (place / directory).mkdir(parents=True)
    (place / "etc/dnf/dnf.conf").write_text("[main]\ngpgcheck=0\nplugins=0\n")
    (place / "etc/yum.repos.d/own.repo").write_text(f"[own]\nname=own\nbaseurl=file://{repository}\n")
    subprocess.run(["rpm", "--root", str(place), "-i", *map(str, packages)], check=True, capture_output=True)


ROWS = (RpmChanges,)
