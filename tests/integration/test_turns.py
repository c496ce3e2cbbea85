"""Whose turn it is: waiting for another run's end, and running again what did not end well."""

import os
import signal
import time
from pathlib import Path

import pytest

from sshsync.state.lock import Lock
from tests.integration.conftest import Site

pytestmark = pytest.mark.integration


def lock(site: Site) -> Path:
    assert site.cli("--all").returncode == 0
    (found,) = site.directory.joinpath("state").glob("*lock*")
    return found


def test_a_run_waits_for_the_end_of_another_one(local: Site) -> None:
    file = lock(local)
    with Lock(file):
        waiting = local.popen("--all", "--wait", "2m")
        assert waiting.stdout is not None
        said = waiting.stdout.readline().decode()
    out, _ = waiting.communicate(timeout=60)
    assert said.startswith(f"another run is under way (pid {os.getpid()} on ")
    assert said.endswith("): waiting up to 2m for its end\n")
    assert waiting.returncode == 0, out


def test_it_waits_no_longer_than_it_is_told(local: Site) -> None:
    file = lock(local)
    with Lock(file):
        begun = time.monotonic()
        done = local.cli("--all", "--wait", "1s")
        assert done.returncode == 8
        assert time.monotonic() - begun >= 1
        assert "another run holds the lock" in done.stderr
        assert local.cli("--all", "--dry-run", "--wait", "1h").returncode == 0, "a dry run needs no turn"


def test_a_signal_ends_the_waiting(local: Site) -> None:
    file = lock(local)
    with Lock(file):
        waiting = local.popen("--all", "--wait", "1h")
        assert waiting.stdout is not None
        waiting.stdout.readline()
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=60)
    assert waiting.returncode == 128 + signal.SIGTERM


def test_what_did_not_end_well_last_is_run_again_with_its_parents_first(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    site.here("m", "c", "d")
    with site.config.open("a") as text:
        text.write(f"[e]\nparent = m\npath = {site.root('e')}\n")
    assert site.cli("--failed").stdout == "nothing to do: everything that ran ended well last\n"
    child = site.root("c")
    child.rmdir()
    child.write_bytes(b"in the way")
    assert site.cli("--all").returncode == 7
    again = site.summary("--failed")
    assert (again["exit_code"], sorted(again["by_name"])) == (6, ["c", "d"])
    child.unlink()
    dry = site.cli("--failed", "--dry-run")
    assert dry.returncode == 11
    assert site.cli("--failed").returncode == 0
    assert (site.root("d") / "a").read_bytes() == b"a"
    assert site.cli("--failed").stdout == "nothing to do: everything that ran ended well last\n"
    assert site.cli("status").returncode == 0
