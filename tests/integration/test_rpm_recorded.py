"""Packages brought by dnf 5 where there is none: what it answered once (5.4.6 with rpm 6.1) is answered again.

The nightly suite asks dnf 5 itself; see test_rpm_sync. `SSHSYNC_RECORD=1` with a system of dnf 5 makes the tape anew.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration import rpms
from tests.integration.conftest import Site
from tests.integration.rpms import built

pytestmark = pytest.mark.integration

RECORDED = Path(__file__).parent.parent / "recorded"
TAPE = RECORDED / "dnf5.jsonl"
PROGRAMS = ("dnf", "dnf5", "rpm", "rpmkeys")


def host(site: Site, top: Path, seen: Callable[[Path], Path], enter: str, mode: str) -> None:
    """Configure two repositories on a host whose package manager is a tape, or is put on one."""
    for directory in ("bin", "state", "home"):
        (top / directory).mkdir(exist_ok=True)
    rpms.at_home(top / "home")
    shutil.copy(RECORDED / "player.py", top)
    tape = TAPE if mode == "play" else top / "tape"
    for name in PROGRAMS:
        real = "dnf5" if name == "dnf" else name
        told = f"{sys.executable if mode == 'play' else '/usr/bin/python3'} {seen(top)}/player.py {mode} {seen(tape)} {seen(top)}/state {seen(top)}"
        (top / "bin" / name).write_text(f'#!/bin/sh\nexec {told} {real} "$@"\n')
        (top / "bin" / name).chmod(0o755)
    shell = top / "sh"
    shell.write_text(f'#!/bin/sh\nHOME={seen(top)}/home PATH={seen(top)}/bin:/usr/sbin:/usr/bin:/bin exec {enter} /bin/sh "$@"\n')
    shell.chmod(0o755)
    sections = [f"[{name}]\ntransport = local\ntype = rpm\nshell = {shell}\npath = {seen(top / name)}\n" for name in ("app0", "app1")]
    site.write("\n".join([*sections, "parent = app0\ndelete = yes\nmax_delete = 100%\n"]))


def made(top: Path, seen: Callable[[Path], Path]) -> None:
    """Make what the tape was recorded with: changes up, down and besides, one that goes, one that nobody has."""
    six, old, new = built("six", "1.16-1"), built("idna", "3.4-1"), built("idna", "2.10-7")
    wanted, helper = built("wanted", "1-1", "Requires: helper"), built("helper", "3-1")
    rpms.repository(top / "repo", six, old, new, wanted, helper, built("til", "1-1"), built("til", "1:0.9-1"), built("own", "1-1"))
    source = seen(top / "repo")
    parent = rpms.root(top / "app0", source, six, new, built("til", "1:0.9-1"), built("gone", "1-1"))
    rpms.run("rpm", "--root", parent, "-i", "--nodeps", wanted)
    rpms.root(top / "app1", source, old, built("til", "1-1"), built("own", "1-1"))


def scenario(site: Site) -> None:
    planned = site.cli("--sync", "app1", "--dry-run")
    assert planned.returncode == 7, planned.stderr
    assert "helper 3-1" in planned.stderr
    assert "app1: would replace idna 3.4-1 by 2.10-7 (down)\n" in planned.stderr
    done = site.summary("--sync", "app1")
    assert done["exit_code"] == 7, done["events"]
    failed = {event["name"]: event["reason"] for event in done["events"] if event["type"] == "item_failed"}
    assert failed == {"gone": "no repository of it has it"}
    published = [item[0] for event in done["events"] if event["type"] == "published" for item in event["items"]]
    assert sorted(published) == ["idna", "six", "til", "wanted"]


def test_what_dnf_5_answered_once_is_understood(site: Site, tmp_path: Path) -> None:
    for name in ("app0", "app1"):
        (tmp_path / name / "var/lib/rpm").mkdir(parents=True)
        (tmp_path / name / "var/lib/rpm/rpmdb.sqlite").write_text("a root without a database is not even looked at")
    host(site, tmp_path, lambda path: path, "", "play")
    scenario(site)


@pytest.mark.skipif(os.environ.get("SSHSYNC_RECORD") != "1", reason="makes the tape; SSHSYNC_RECORD=1")
def test_the_tape_is_made(site: Site) -> None:
    system = rpms.system_of_dnf5()
    top = system / "srv/recorded"
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir()
    made(top, lambda path: Path("/") / path.relative_to(system))
    host(site, top, lambda path: Path("/") / path.relative_to(system), f"chroot {system}", "record")
    scenario(site)
    shutil.copy(top / "tape", TAPE)
