"""A real command line against real servers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import objects
from tests.integration.double import Doubles
from tests.sshd import Sshd

OLD = 1_600_000_000


class Site:
    """A configuration with its directories and servers; `cli` runs the real command line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.chmod(0o700)
        self.servers: dict[str, Sshd] = {}
        self.config = directory / "sshsync.conf"

    def server(self, name: str, *extra: str, environment: str = "") -> Sshd:
        if name not in self.servers:
            self.servers[name] = Sshd(self.directory / "sshd", name, *extra, environment=environment)
        return self.servers[name]

    def root(self, name: str) -> Path:
        made = self.directory / name
        made.mkdir(exist_ok=True)
        return made

    def fill(self, name: str, files: dict[str, bytes], mtime: int = OLD) -> None:
        for key, data in files.items():
            file = os.path.join(os.fsencode(self.root(name)), os.fsencode(key))
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "wb") as out:
                out.write(data)
            os.utime(file, (mtime, mtime))

    def write(self, text: str, trusted: bool = True) -> None:
        self.config.write_text(f"[sshsync]\nstate_dir = {self.directory}/state\n{text}")
        self.config.chmod(0o600)
        state = self.directory / "state"
        state.mkdir(exist_ok=True, mode=0o700)
        if trusted:
            (state / "known_hosts").write_text("\n".join(server.known for server in self.servers.values()) + "\n")

    def here(self, *names: str, defaults: str = "") -> None:
        """Configure a chain on this machine itself, each the parent of the next; `defaults` is added to [DEFAULT]."""
        lines = ["", "[DEFAULT]", "transport = local", "stable_for = 0", *defaults.splitlines()]
        for parent, name in zip(("", *names), names, strict=False):
            lines += [f"[{name}]", f"path = {self.root(name)}", *([f"parent = {parent}"] if parent else [])]
        self.write("\n".join(lines) + "\n")

    def popen(self, *words: str, **options: object) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "sshsync", "--config", str(self.config), *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]

    def cli(self, *words: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "sshsync", "--config", str(self.config), *words]
        env = {**os.environ, "HOME": str(self.directory)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env, check=False, stdin=subprocess.DEVNULL)
        if "--json" in words:
            for line in done.stdout.splitlines():
                objects.check(line)
        return done

    def summary(self, *words: str) -> dict:
        done = self.cli("--json", *words)
        lines = done.stdout.splitlines()
        assert lines, done.stderr
        found = json.loads(lines[-1])
        assert found["exit_code"] == done.returncode
        found["by_name"] = {entry["name"]: entry for entry in found["repositories"]}
        found["events"] = [json.loads(line) for line in lines[:-1]]
        return found

    def summary_of_status(self) -> list[dict]:
        """Return what `status` says of each repository."""
        return json.loads(self.cli("--json", "status").stdout.splitlines()[0])["repositories"]

    def same(self, *names: str) -> None:
        expected = contents(self.root(names[0]))
        for name in names[1:]:
            assert contents(self.root(name)) == expected
            left = self.root(name) / ".sshsync"
            assert not [p for p in left.rglob("*") if p.is_file()], "staging holds files"

    def close(self) -> None:
        for server in self.servers.values():
            server.stop()


def contents(root: Path) -> dict[bytes, tuple[bytes, int, int]]:
    """Return bytes, mode and time of every file a reader sees."""
    found = {}
    top = os.fsencode(root)
    for base, directories, files in os.walk(top):
        if base == top and b".sshsync" in directories:
            directories.remove(b".sshsync")
        for name in files:
            path = os.path.join(base, name)
            with open(path, "rb") as source:
                seen = os.lstat(path)
                found[os.path.relpath(path, top)] = (source.read(), seen.st_mode & 0o777, int(seen.st_mtime))
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doubles]:
    """What makes sessions to servers in this process."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Doubles()
    yield made
    made.close()


@pytest.fixture
def local(site: Site) -> Site:
    """A master with two files and a child of it, both on this machine."""
    site.fill("m", {"a": b"alpha", "d/b": b"beta"})
    site.here("m", "c")
    return site


@pytest.fixture
def chain(site: Site) -> Callable[[str], Site]:
    """A master, a proxy and two nodes on servers of their own; the argument is added to [DEFAULT]."""

    def make(defaults: str = "", nodes: str = "") -> Site:
        sections = [f"[DEFAULT]\nstable_for = 0\n{defaults}\n"]
        for name, parent in (("master", ""), ("proxy", "master"), ("node1", "proxy"), ("node2", "proxy")):
            more = {"parent": parent} if parent else {}
            lines = site.server(name).section(path=site.root(name), **more)
            sections.append(f"[{name}]\n{lines}{nodes if name.startswith('node') else ''}")
        site.write("\n".join(sections))
        return site

    return make
