"""Crash tests: the controller is killed at every edge of its journal, one step further each time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

FULL = os.environ.get("SSHSYNC_FULL") == "1"
DRIVER = Path(__file__).with_name("crash_driver.py")
OLD_FILES = {f"d{n % 3}/old{n}": b"old %d" % n for n in range(6)} | {"gone": b"gone", "big": b"o" * 1_500_000}
NEW_FILES = {**OLD_FILES, "d0/old0": b"replaced", "new": b"n" * 10, "odd \n name": b"odd", "big": b"N" * 2_100_000}
del NEW_FILES["gone"]


def visible(root: Path) -> dict[bytes, bytes]:
    return {key: data for key, (data, _, _) in contents(root).items()}


def reset(site: Site) -> None:
    for name in ("master", "proxy", "node1", "state"):
        shutil.rmtree(site.directory / name, ignore_errors=True)
    site.fill("master", NEW_FILES, mtime=1_700_000_000)
    site.fill("proxy", OLD_FILES)
    site.fill("node1", OLD_FILES)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_row_55_killed_at_every_edge_and_run_again(site: Site, moment: str, figure) -> None:
    server = site.server("host")
    text = "[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\n"
    for name, parent in (("master", ""), ("proxy", "master"), ("node1", "proxy")):
        lines = server.section(path=site.directory / name, **({"parent": parent} if parent else {}))
        text += f"[{name}]\n{lines}"
    reset(site)
    site.write(text)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    master = {os.fsencode(key): data for key, data in NEW_FILES.items()}
    before = {os.fsencode(key): data for key, data in OLD_FILES.items()}
    # The moment before an event is much like the one after the last: every fourth of them, but for the nightly suite.
    step, first = (1, 1) if FULL else (4, 1 if moment == "before" else 3)
    for number in range(first, 200, step):
        reset(site)
        site.write(text)
        command = [sys.executable, str(DRIVER), str(site.config), moment, str(number)]
        killed = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
        for name in ("proxy", "node1"):
            for key, data in visible(site.directory / name).items():
                assert data in (master.get(key), before.get(key)), f"{name}: {key!r} is neither old nor new at {number}"
        if killed.returncode != -9:
            assert killed.returncode == 0, killed.stderr
            break
        found = site.summary("--sync", "proxy", "--sync", "node1")
        assert found["exit_code"] == 0, (number, found)
        site.same("master", "proxy", "node1")
    assert number > 15, "the run has more edges than that"
    figure("events of the journal at which the controller was killed", len(range(first, number, step)))
    site.same("master", "proxy", "node1")
