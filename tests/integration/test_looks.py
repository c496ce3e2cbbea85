"""What only looks leaves no trace in the state directory; what a run finds there that is of no use any more does not stop it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Site

pytestmark = pytest.mark.integration

REQUIRED = os.environ.get("SSHSYNC_REQUIRE") == "1"
SECTIONS = "[DEFAULT]\ntransport = local\nstable_for = 0\n{defaults}\n[m]\npath = {root}/m\n[c]\npath = {root}/{child}\nparent = m\n[n]\npath = {root}/n\nparent = c\n"


def configured(site: Site, child: str = "c", defaults: str = "") -> None:
    site.write(SECTIONS.format(root=site.directory, child=child, defaults=defaults))


def state(site: Site) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (site.directory / "state").iterdir()}


@pytest.mark.parametrize(
    "words",
    ["status", "status --json", "history", "history 2", "report", "report --html -", "resume", "hosts check", "config check", "config show c", "watch --once", "ls m", "sums m", "diff n m", "restore m"],
)
def test_a_look_with_another_configuration_leaves_every_byte_of_the_state(site: Site, words: str) -> None:
    site.fill("m", {"a": b"alpha"})
    configured(site)
    assert site.cli("watch", "--once").returncode == 0
    configured(site, "elsewhere")
    site.root("elsewhere")
    before = state(site)
    done = site.cli(*words.split())
    assert done.returncode == (7 if words.startswith("status") else 0), done.stdout + done.stderr
    assert state(site) == before
    if words == "status":
        assert "c: not in sync: run " in done.stdout
        assert "the configuration named another place then" in done.stdout
        assert "n: in sync as of" in done.stdout


@pytest.mark.parametrize("words", ["status", "history", "report", "resume", "hosts check", "config check", "watch --once", "ls m", "sums m", "diff n m", "restore m"])
def test_a_look_where_there_was_no_run_makes_nothing(site: Site, words: str) -> None:
    site.root("m")
    configured(site)
    for name in state(site):
        (site.directory / "state" / name).unlink()
    done = site.cli(*words.split())
    if words == "watch --once":
        assert "journal.sqlite" in state(site), "a master without a record is something new"
    else:
        assert state(site) == {}, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_journal_is_told_by_looks_and_mended_by_a_run(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    configured(site)
    assert site.cli("--all").returncode == 0
    (site.directory / "state" / "journal.sqlite").write_bytes(b"no database" * 500)
    before = state(site)
    for words in (["status"], ["history"], ["report"], ["resume"]):
        done = site.cli(*words)
        assert done.returncode == 6
        assert "journal.sqlite is damaged" in done.stderr
        assert "a run that meets the damage sets the file aside" in done.stderr
    assert state(site) == before
    done = site.cli("--all", "--dry-run")
    assert done.returncode == 6
    assert "a run that meets the damage sets the file aside" in done.stderr
    assert {name: data for name, data in state(site).items() if name.startswith("journal")} == {"journal.sqlite": before["journal.sqlite"]}
    assert "the journal was damaged" in site.cli("--all").stdout
    assert site.cli("status").returncode == 0


def test_what_a_digestcmd_printed_earlier_does_not_stop_a_run(site: Site) -> None:
    """The words of the template are the same, and what they call prints another algorithm now."""
    tool = site.directory / "tool"

    def calls(program: str) -> None:
        tool.write_text(f'#!/bin/sh\nexec {program} "$1"\n')
        tool.chmod(0o755)

    calls("sha256sum")
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    configured(site, defaults=f"digestcmd = {tool} ${{FILEPATH}}")
    until = time.monotonic() + 60
    while time.monotonic() < until:  # a file is cached once its last change is two seconds old
        found = site.summary("--all")
        assert found["exit_code"] == 0
        if not any(event["hashed"] for event in found["events"] if event["type"] == "scanned"):
            break
    calls("sha1sum")
    site.fill("m", {"a": b"alpha 2", "b": b"beta 2"})
    found = site.summary("--all")
    assert found["exit_code"] == 0, found["by_name"]
    site.same("m", "c", "n")


def test_a_lock_of_the_same_number_on_another_file_system_is_another_lock(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        (pytest.fail if REQUIRED else pytest.skip)("needs root to mount a file system")
    script = """
import sys
from pathlib import Path
try:
    from sshsync.state.lock import Lock
except ImportError:
    from sshsync.engine.lock import Lock
one, two = Path(sys.argv[1]), Path(sys.argv[2])
two.write_text("x")
with Lock(one):
    assert one.stat().st_ino == two.stat().st_ino, (one.stat(), two.stat())
    print([bool(Lock(one).holder()), bool(Lock(two).holder())])
print(bool(Lock(one).holder()))
"""
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
    mounts = " && ".join(f"mount -t tmpfs tmpfs {place}" for place in places)
    command = [sys.executable, "-c", script, *(f"{place}/lock" for place in places)]
    done = subprocess.run(["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh", *command], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:2] == ["[True, False]", "False"], done.stdout + done.stderr
