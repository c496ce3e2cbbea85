"""What a master holds besides regular files: it does not arrive, and everybody who looks hears of it."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.integration.test_tools import BSD_STAT, PLAIN_SYNC, tools
from tests.sshd import require

pytestmark = pytest.mark.integration

LINE = "m: 2 empty directories, 2 links, 1 pipe, 1 socket left out: regular files only"


def fill(site: Site) -> None:
    site.fill("m", {"a": b"alpha", "d/b": b"beta", "e/f/c": b""})
    top = site.root("m")
    for name, target in (("link", "a"), ("d/\udcff\nlink", "/etc/passwd")):
        os.symlink(target, top / name)
    os.mkfifo(top / "pipe")
    os.mknod(top / "socket", 0o600 | stat.S_IFSOCK)
    for name in ("void", "e/f/void"):
        (top / name).mkdir()


def test_what_is_left_out_is_told_wherever_somebody_looks(site: Site) -> None:
    fill(site)
    site.here("m", "p", "c")
    metrics = site.directory / "metrics"
    text = site.config.read_text().replace("[sshsync]", f"[sshsync]\nreport_dir = {site.directory}/pages\nmetrics_file = {metrics}")
    site.config.write_text(text)
    for words in (("--all",), ("--all",), ("--all", "--dry-run"), ("status",), ("--sync", "p")):
        done = site.cli(*words)
        assert [line for line in done.stdout.splitlines() if "left out" in line] == [LINE], words
    assert 'sshsync_repository_left_out{repository="m",what="link"} 2' in metrics.read_text()
    page = next(iter((site.directory / "pages").glob("*.html"))).read_text()
    assert "1 pipe (pipe), 1 socket (socket) left out: regular files only" in page
    assert "left out" not in site.cli("--all", "--quiet").stdout
    (shown,) = [line for line in site.cli("--all", "--verbose").stdout.splitlines() if "left out" in line]
    assert "1 pipe (pipe)" in shown
    assert ("2 links (link)" in shown) != ("2 links (d/\\xff\\nlink)" in shown)


def test_a_program_reads_what_is_left_out_with_a_name_of_each(site: Site) -> None:
    fill(site)
    (site.root("m") / "link").unlink()
    site.here("m", "p", "c")
    found = site.summary("--all")
    told = {one["what"]: one for one in found["left_out"]}
    assert {what: one["count"] for what, one in told.items()} == {"link": 1, "pipe": 1, "socket": 1, "empty directory": 2}
    assert {(one["repository"], one["only"]) for one in told.values()} == {("m", "regular files only")}
    assert told["link"]["example"] == "d/\\xff\\nlink"
    assert told["link"]["example_base64"] == "ZC//Cmxpbms="
    (scanned,) = [event for event in found["events"] if event["type"] == "scanned" and event["repository"] == "m"]
    assert sorted(row[1:] for row in scanned["omitted"]) == [[1, "link", "links"], [1, "pipe", "pipes"], [1, "socket", "sockets"], [2, "empty directory", "empty directories"]]
    assert json.loads(site.cli("status", "--json").stdout.splitlines()[-1])["left_out"] == found["left_out"]


def test_who_takes_nothing_of_it_hears_nothing_of_it(site: Site) -> None:
    fill(site)
    site.here("m", "c", defaults="exclude = link\n    *link\n    pipe\n    sock*\n    void/")
    assert "left out" not in site.cli("--all").stdout
    site.here("m", "c", defaults="include = d/")
    assert "m: 1 link left out: regular files only" in site.cli("--all").stdout


def wrapped(site: Site, name: str) -> Path:
    """Return a PATH with the tools of another Unix."""
    if name == "busybox":
        require(bool(shutil.which("busybox")), "busybox")
        applets = {tool: f'#!/bin/sh\nexec {shutil.which("busybox")} {tool} "$@"\n' for tool in ("find", "stat", "xargs", "touch", "sha256sum")}
        return tools(site, {**applets, "sync": PLAIN_SYNC})
    more = {"bsd": ({"stat": BSD_STAT, "sync": PLAIN_SYNC}, ("sha256sum",)), "perl": ({}, ("perl", "sha256sum", "sync"))}
    return tools(site, *more[name])


@pytest.mark.parametrize("name", ["busybox", "bsd", "perl"])
def test_any_unix_tells_the_same(site: Site, name: str) -> None:
    fill(site)
    path = wrapped(site, name)
    if name != "busybox":
        # A find that prints nothing by itself, as on BSD and Solaris.
        (path / "find").unlink()
        (path / "find").write_text(f'#!/bin/sh\ncase "$*" in *" -printf "*) exit 1 ;; esac\nexec {shutil.which("find")} "$@"\n')
        (path / "find").chmod(0o755)
    server = site.server("host", environment=f"PATH={path}")
    site.write(f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=site.root('c'))}")
    for outcome in ("done", "unchanged", "unchanged"):
        done = site.cli("--all")
        assert done.returncode == 0, done.stdout + done.stderr
        assert LINE in done.stdout.splitlines(), outcome
    assert not (site.root("c") / "void").exists()
