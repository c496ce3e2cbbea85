"""Times that not every tool and not every file system can hold: carried, or told."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.sshd import require

pytestmark = pytest.mark.integration

HELD = {"1960": -315_619_200, "half": -1.5, "2300": 10_413_792_000, "now": 1_600_000_000.5}
LAST = -1
"""The second before 1970: BusyBox's touch takes it for an error."""
LONG_AGO = -11_676_096_000
"""In the year 1600: ext4 and XFS make the first second that they know of it, tmpfs holds it."""


def held(file: Path, at: float) -> bool:
    os.utime(file, ns=(int(at * 10**9), int(at * 10**9)))
    return file.stat().st_mtime_ns == int(at * 10**9)


def configured(site: Site, master: Path, server: str) -> None:
    site.write(f"[DEFAULT]\nstable_for = 0\n[m]\n{server}path = {master}\n[c]\nparent = m\n{server}path = {site.root('c')}\n")


def test_every_tool_set_carries_the_time_or_tells(site: Site) -> None:
    require(bool(shutil.which("busybox")), "busybox")
    tools = site.root("tools")
    subprocess.run(["busybox", "--install", "-s", str(tools)], check=True)
    site.fill("m", {name: name.encode() for name in (*HELD, "last")})
    if not all(held(site.root("m") / name, at) for name, at in {**HELD, "last": LAST}.items()):
        pytest.skip("this file system does not hold such times")
    server = site.server("h", environment=f"PATH={tools}").section(shell=tools / "sh")
    configured(site, site.root("m"), server)
    for _ in range(2):
        found = site.summary("--sync", "c")
        assert found["exit_code"] == 0
        assert found["by_name"]["c"]["notices"] == ["mode or time of 1 file(s) cannot be set, such as last; their bytes are right"]
        for name, at in HELD.items():
            assert (site.root("c") / name).stat().st_mtime == at // 1, name
    assert found["by_name"]["c"]["outcome"] == "unchanged"
    configured(site, site.root("m"), "transport = local\n")
    found = site.summary("--sync", "c")
    assert not found["by_name"]["c"]["notices"], "GNU's touch knows that second"
    assert (site.root("c") / "last").stat().st_mtime == LAST


def test_a_file_system_that_cuts_a_time_in_silence_is_told_of(site: Site) -> None:
    shared = Path("/dev/shm")
    require(shared.is_dir() and os.access(shared, os.W_OK), "/dev/shm")
    site.fill("c", {"probe": b""})
    with tempfile.TemporaryDirectory(dir=shared) as master:
        file = Path(master) / "old"
        file.write_bytes(b"old")
        if not held(file, LONG_AGO) or held(site.root("c") / "probe", LONG_AGO):
            pytest.skip("both file systems hold the year 1600, or neither does")
        configured(site, Path(master), "transport = local\n")
        for _ in range(2):
            found = site.summary("--sync", "c")["by_name"]["c"]
            assert found["notices"] == ["mode or time of 1 file(s) cannot be set, such as old; their bytes are right"]
            assert found["files"]["adjusted"] == 0
        assert found["outcome"] == "unchanged"
        assert (site.root("c") / "old").read_bytes() == b"old"
