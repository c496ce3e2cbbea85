"""Packages of rpm: real packages built on the spot, installed into roots of their own, held against what rpm says."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.sshd import require

pytestmark = pytest.mark.integration


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


Build = Callable[..., Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build a package of a few bytes."""
    require(shutil.which("rpmbuild") is not None, "rpmbuild")
    top = tmp_path_factory.mktemp("rpmbuild")

    def made(name: str, version: str, *, epoch: int = 0, arch: str = "noarch") -> Path:
        spec = top / f"{name}-{epoch}-{version}-{arch}.spec"
        built = "" if arch == "x86_64" else f"BuildArch: {arch}\n"
        spec.write_text(
            f"Name: {name}\nVersion: {version}\nRelease: 1\nEpoch: {epoch}\nSummary: test\nLicense: MIT\n{built}"
            f"%description\ntest\n%install\nmkdir -p %{{buildroot}}/opt/{name}-{version}-{arch}\ntouch %{{buildroot}}/opt/{name}-{version}-{arch}/f\n%files\n/opt/{name}-{version}-{arch}\n"
        )
        out = top / f"out-{name}-{epoch}-{version}-{arch}"
        run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", "--define", f"_rpmdir {out}", "--define", "_build_id_links none", spec)
        return next(out.rglob("*.rpm"))

    return made


@pytest.fixture
def roots(site: Site, tmp_path: Path) -> Iterator[list[Path]]:
    """Two roots on two servers."""
    require(os.geteuid() == 0, "root, who may install into a root of its own")
    made = [tmp_path / "one", tmp_path / "two"]
    text = []
    for number, root in enumerate(made, 1):
        root.mkdir()
        server = site.server(f"h{number}")
        text.append(f"[web0{number}.rpm]\ntype = rpm\nhost = 127.0.0.1\nport = {server.port}\nuser = {server.user}\nkey_file = {server.key}\npath = {root}\n")
    site.write("\n".join(text))
    yield made


def install(root: Path, *packages: Path) -> None:
    run("rpm", "--root", root, "-i", "--nodeps", "--ignorearch", *packages)


def packages(site: Site, name: str) -> dict[str, str]:
    done = site.cli("packages", name, "--json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one["digest"].removeprefix("version:") for one in map(json.loads, done.stdout.splitlines())}


def test_what_is_listed_is_what_rpm_has_on_record(site: Site, roots: list[Path], build: Build) -> None:
    install(roots[0], build("plain", "1.0"), build("epoch", "1.0~rc1", epoch=2), build("caret", "1.0^git1"), build("under_score+plus.dot", "1"))
    install(roots[0], build("both", "1", arch="x86_64"))
    assert packages(site, "web01.rpm") == {"plain": "1.0-1", "epoch": "2:1.0~rc1-1", "caret": "1.0^git1-1", "under_score+plus.dot": "1-1", "both": "1-1"}
    said = run("rpm", "--root", roots[0], "-qa", "--qf", "%{NAME}\n").split()
    assert sorted(packages(site, "web01.rpm")) == sorted(said)


def test_two_systems_are_compared_and_the_newest_is_named(site: Site, roots: list[Path], build: Build) -> None:
    for root, version in zip(roots, ("1.9", "1.10"), strict=True):
        install(root, build("tool", version), build("same", "1"))
        install(root, build("kernel", "6.1"))
        install(root, build("kernel", "6.2"))
    install(roots[0], build("only", "3"))
    done = site.cli("drift")
    assert done.returncode == 11, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["several", "versions"],
        ["tool", "1.9-1", "web01.rpm"],
        ["1.10-1", "(newest)", "web02.rpm"],
        ["missing"],
        ["only", "3-1", "elsewhere,", "missing", "on", "web02.rpm"],
        ["next:", "sshsync", "--sync", "web02.rpm", "--like", "web01.rpm", "--dry-run"],
    ]
    run("rpm", "--root", roots[0], "-e", "--nodeps", "kernel-6.1-1")
    told = site.cli("drift", "--include", "kern*", "--json").stdout.splitlines()
    assert [one["digest"] for one in json.loads(told[0])["versions"]] == ["version:6.1-1 6.2-1", "version:6.2-1"]


def test_a_root_without_a_database_is_no_empty_system(site: Site, roots: list[Path], build: Build) -> None:
    install(roots[1], build("tool", "1"))
    done = site.cli("drift")
    assert done.returncode == 7
    assert "web01.rpm: what rpm lists there cannot be true: no package at all" in done.stdout
    assert "missing" not in done.stdout
    assert site.cli("packages", "web01.rpm").returncode == 9
    shutil.rmtree(roots[0])
    done = site.cli("drift")
    assert f"web01.rpm: its root {roots[0]} is missing" in done.stdout


def test_listing_changes_nothing_there(site: Site, roots: list[Path], build: Build) -> None:
    """Not even the files of a database that is not there."""
    install(roots[1], build("tool", "1"))
    before = {root: sorted(str(path) for path in root.rglob("*")) for root in roots}
    site.cli("drift")
    assert {root: sorted(str(path) for path in root.rglob("*")) for root in roots} == before
