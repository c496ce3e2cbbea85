"""Packages of rpm brought to what another host has: real dnf 4, rpm, createrepo_c and OpenSSH; roots of their own."""

from pathlib import Path

import pytest

from tests.integration import rpms
from tests.integration.conftest import Site
from tests.integration.rpms import built

pytestmark = pytest.mark.integration


class Roots:
    """Roots on hosts, and the repository of packages that they share."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.site = site
        self.directory = directory
        self.repository = directory / "repo"
        self.homes = directory / "homes"
        self.homes.mkdir()
        self.roots: dict[str, Path] = {}

    def has(self, *packages: Path) -> None:
        rpms.repository(self.repository, *packages)

    def root(self, name: str, *packages: Path, conf: str = "gpgcheck=0\n") -> Path:
        made = self.roots[name] = rpms.root(self.directory / name, self.repository, *packages, conf=conf)
        return made

    def section(self, name: str, *more: str) -> str:
        home = rpms.at_home(self.homes / name)
        server = self.site.server(name, environment=f"HOME={home}")
        return "\n".join([f"[{name}]", server.section(type="rpm", path=self.roots[name]), *more, ""])

    def chain(self, *names: str, more: tuple[str, ...] = ()) -> None:
        parents = [(), *((f"parent = {name}", *more) for name in names)]
        self.site.write("\n".join(self.section(name, *lines) for name, lines in zip(names, parents, strict=False)))

    def listed(self, name: str) -> dict[str, str]:
        return rpms.listed(self.roots[name])

    def left(self) -> list[str]:
        return [str(path) for path in self.homes.rglob(".sshsync/*/*") if path.parent.name != "kept"]


@pytest.fixture
def roots(site: Site, tmp_path: Path) -> Roots:
    return Roots(site, tmp_path)


def pair(version: str) -> tuple[Path, Path]:
    """Two packages that need each other's very version."""
    return built("liba", version, f"Requires: appa = {version}"), built("appa", version, f"Requires: liba = {version}")


def apart(roots: Roots, more: tuple[str, ...] = ()) -> None:
    six, old, new = built("six", "1.16-1"), built("idna", "3.4-1"), built("idna", "2.10-7")
    til = [built("til", version) for version in ("2-1", "1:0.9-1")]
    roots.has(six, old, new, *til, *pair("1-1"), *pair("2-1"), built("own", "1-1"))
    roots.root("app0", six, new, til[1], *pair("2-1"))
    roots.root("app1", old, til[0], *pair("1-1"), built("own", "1-1"))
    roots.chain("app0", "app1", more=more)


def test_what_is_missing_comes_and_versions_are_matched_up_and_down(roots: Roots) -> None:
    """Epochs and two that need each other's version, in one transaction."""
    apart(roots)
    before = roots.listed("app1")
    planned = roots.site.cli("--sync", "app1", "--dry-run")
    assert planned.returncode == 11, planned.stdout + planned.stderr
    assert "app1: would install six 1.16-1\n" in planned.stderr
    assert "app1: would replace idna 3.4-1 by 2.10-7 (down)\n" in planned.stderr
    assert "app1: would replace til 2-1 by 1:0.9-1\n" in planned.stderr
    assert (roots.listed("app1"), roots.left()) == (before, []), "a dry run changes nothing"

    done = roots.site.cli("--verbose", "--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert roots.listed("app1") == {**roots.listed("app0"), "own": "1-1"}
    assert roots.left() == []
    again = roots.site.summary("--sync", "app1")
    assert (again["exit_code"], again["by_name"]["app1"]["outcome"]) == (0, "unchanged")
