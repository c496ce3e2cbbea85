"""The log file: who may read it."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sshsync import logs
from tests.sshd import require

LOGROTATE = Path(__file__).parents[2] / "packaging" / "logrotate"


@pytest.fixture(params=[0, 0o077])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.usefixtures("_umask")
def test_nobody_else_can_read_the_log_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = logs.to_file(file, "info")
    assert mode(file) == 0o600
    log.info("one")
    file.rename(tmp_path / "log.1")
    log.info("two")
    assert mode(file) == 0o600
    assert "two" in file.read_text()


def test_a_log_that_others_could_read_is_tightened(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    file.chmod(0o644)
    logs.to_file(file, "info").info("after")
    assert mode(file) == 0o600
    assert file.read_text().startswith("before\n")


def test_what_is_no_file_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    pipe.chmod(0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        logs.to_file(pipe, "info").info("said")
        assert b"said" in os.read(reader, 65536)
    finally:
        os.close(reader)
    assert mode(pipe) == 0o644


@pytest.mark.usefixtures("_umask")
def test_nobody_else_can_read_the_log_that_logrotate_begins(tmp_path: Path) -> None:
    """The shipped rules, for a log of this account in another place."""
    require(bool(shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin:/bin")), "logrotate")
    program = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin:/bin") or ""
    tmp_path.chmod(0o700)
    rules = tmp_path / "rules"
    lines = [line for line in LOGROTATE.read_text().splitlines() if not line.strip().startswith("su ")]
    rules.write_text("\n".join(lines).replace("/var/log/sshsync", str(tmp_path)).replace(" sshsync sshsync", "") + "\n")
    rules.chmod(0o600)
    file = tmp_path / "sshsync.log"
    log = logs.to_file(file, "info")
    log.info("one")
    subprocess.run([program, "-s", str(tmp_path / "state"), "-f", str(rules)], check=True)
    assert mode(file) == mode(tmp_path / "sshsync.log.1") == 0o600
    log.info("two")
    assert "two" in file.read_text()
    assert mode(file) == 0o600
