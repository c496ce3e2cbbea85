"""sshsync in one file: started where nothing is installed, by an account, by root, and where others could have been before it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

LOCAL = "[sshsync]\nstate_dir = {0}/state\n[DEFAULT]\nstable_for = 0\n[m]\ntransport = local\npath = {0}/m\n[c]\ntransport = local\npath = {0}/c\nparent = m\n"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Run:
    """Run the file with the system's interpreter and an empty environment."""

    def started(*words: str, python: str = "/usr/bin/python3.11", **environment: str) -> "subprocess.CompletedProcess[str]":
        asked = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SSHSYNC_PYZ_CACHE": str(tmp_path / "cache"), **environment}
        return subprocess.run([python, str(built / "sshsync.pyz"), *words], env=asked, capture_output=True, text=True, timeout=60, check=False)

    return started


def unpacked(tmp_path: Path) -> Path:
    return next((tmp_path / "cache").glob("0*"))


def test_one_file_brings_a_repository_in_sync(run: Run, tmp_path: Path) -> None:
    assert run("--version").stdout == "sshsync, version 0.1.0\n"
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "file").write_text("content\n")
    (tmp_path / "conf").write_text(LOCAL.format(tmp_path))
    done = run("-c", str(tmp_path / "conf"), "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "c" / "file").read_text() == "content\n"
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [unpacked(tmp_path).name], "nothing half made is left"


def test_it_can_be_called_as_a_program_by_any_account(built: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for above in list(tmp_path.parents)[:3]:
        above.chmod(above.stat().st_mode | 0o011)
    (tmp_path / "sshsync.pyz").write_bytes((built / "sshsync.pyz").read_bytes())
    (tmp_path / "sshsync.pyz").chmod(0o755)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    asked = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([tmp_path / "sshsync.pyz", "--version"], env=asked, capture_output=True, text=True, timeout=60, check=False, umask=0o002, **nobody)  # type: ignore[call-overload]
    assert done.stdout == "sshsync, version 0.1.0\n", done.stderr
    cache = tmp_path / ".cache" / "sshsync-pyz"
    assert [oct(place.stat().st_mode & 0o777) for place in (cache, *cache.iterdir())] == ["0o700", "0o700"]
    # What the group may write to is not run.
    next(cache.iterdir()).chmod(0o770)
    refused = subprocess.run([tmp_path / "sshsync.pyz", "--version"], env=asked, capture_output=True, text=True, timeout=60, check=False, **nobody)  # type: ignore[call-overload]
    assert refused.returncode == 1
    assert "is not a directory of this account that is closed to others (owner" in refused.stderr
    assert "mode 770): look what is in it and remove it, or name another directory in SSHSYNC_PYZ_CACHE" in refused.stderr


def test_the_place_for_it_may_be_written_by_nobody_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    refused = run("--version")
    assert refused.returncode == 1
    assert f"{tmp_path}/cache is not a directory of this account that is closed to others" in refused.stderr
    assert list((tmp_path / "cache").iterdir()) == []
    (tmp_path / "cache").rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    assert run("--version").returncode == 1, "a link is somebody's word"


def test_what_a_cleaner_took_is_unpacked_again(run: Run, tmp_path: Path) -> None:
    run("--version")
    compiled = next(unpacked(tmp_path).rglob("_pydantic_core*.so"))
    compiled.write_bytes(compiled.read_bytes()[:1000])
    (unpacked(tmp_path) / "site" / "sshsync" / "version.py").unlink()
    assert run("--version").stdout == "sshsync, version 0.1.0\n"


def test_first_starts_at_once_do_no_harm(built: Path, tmp_path: Path) -> None:
    asked = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SSHSYNC_PYZ_CACHE": str(tmp_path / "cache")}
    started = [subprocess.Popen(["/usr/bin/python3.11", built / "sshsync.pyz", "--version"], env=asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [process.communicate(timeout=60) for process in started]
    assert ended == [("sshsync, version 0.1.0\n", "")] * 3
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_another_interpreter_is_told_which_one_is_needed(built: Path, tmp_path: Path) -> None:
    """The file says what it was made for; the same file made for another version is refused by this one."""
    other = tmp_path / "other.pyz"
    pack = [str(Path(__file__).parents[2] / "packaging/pyz/pack.py"), str(tmp_path / "site"), "3.12", "0.1.0", str(other)]
    (tmp_path / "site").mkdir()
    subprocess.run(["/usr/bin/python3.11", *pack], check=True)
    done = subprocess.run(["/usr/bin/python3.11", other], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("sshsync.pyz: made for Python 3.12 on ")
    assert "and this is Python 3.11 on " in done.stderr
    assert "run it as python3.12 sshsync.pyz" in done.stderr
