"""`status` as a check, and as a window on a run that is under way."""

import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from fcntl import ioctl

import pytest

from tests.integration.conftest import Site
from tests.integration.holding import Running, until

pytestmark = pytest.mark.integration


def chained(site: Site, defaults: str = "") -> None:
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    site.here("m", "p", "c", defaults=defaults)


def obstruct(site: Site, name: str = "c") -> None:
    """Let the next run fail there: a directory with something in it stands where a file belongs."""
    (site.root(name) / "blocked").mkdir()
    (site.root("m") / "blocked").write_bytes(b"x")


def test_the_exit_code_is_folded_from_how_each_repository_last_ended(site: Site) -> None:
    chained(site)
    assert site.cli("status").returncode == 6, "none has ever been in sync"
    assert site.cli("--sync", "p").returncode == 0
    assert site.cli("status").returncode == 7, "one of two"
    assert site.cli("status", "p").returncode == 0
    assert site.cli("status", "c").returncode == 6
    assert site.cli("--sync", "c").returncode == 0
    done = site.cli("status")
    assert (done.returncode, "in sync as of" in done.stdout) == (0, True)
    obstruct(site)
    assert site.cli("--all").returncode == 7
    assert site.cli("status").returncode == 7
    assert site.cli("--sync", "p").returncode == 0
    done = site.cli("status")
    assert done.returncode == 7, "the last run was narrower, and well"
    assert done.stdout.splitlines()[-1] == "1 of 2 repositories not in sync"
    found = json.loads(site.cli("status", "--json").stdout.splitlines()[0])
    assert (found["exit_code"], found["headway"]) == (7, None)
    assert [(row["name"], row["ok"], row["outcome"]) for row in found["repositories"]] == [("p", True, "unchanged"), ("c", False, "partial")]


def test_refused_and_temporary(site: Site) -> None:
    chained(site, "delete = yes\nretries = 1")
    assert site.cli("--all").returncode == 0
    for file in site.root("m").iterdir():
        file.unlink()
    assert site.cli("--all").returncode == 9
    assert site.cli("status").returncode == 9
    text = site.config.read_text().replace("[c]\n", "[c]\ntransport = ssh\nhost = 127.0.0.1\nport = 1\n").replace("delete = yes\n", "")
    site.fill("m", {"a": b"alpha"})
    site.config.write_text(text)
    assert site.cli("--all").returncode == 75
    assert site.cli("status").returncode == 75
    assert site.cli("status", "--nagios").returncode == 1


def test_an_older_success_counts_as_failed(site: Site) -> None:
    chained(site)
    assert site.cli("--all").returncode == 0
    assert site.cli("status", "--max-age", "26h").returncode == 0
    time.sleep(1.1)  # the least age that can be asked for
    done = site.cli("status", "--max-age", "1s")
    assert done.returncode == 6
    assert done.stdout.count("; longer ago than 1 s") == 2
    assert "2 of 2 repositories not in sync" in done.stdout
    wrong = site.cli("status", "--max-age", "soon")
    assert (wrong.returncode, "such as 90, 90s, 5m or 1h" in wrong.stderr) == (2, True)


def test_quiet_tells_only_what_is_wrong(site: Site) -> None:
    chained(site)
    assert site.cli("--all").returncode == 0
    assert site.cli("status", "--quiet").stdout == ""
    obstruct(site)
    assert site.cli("--all").returncode == 7
    told = site.cli("status", "--quiet").stdout.splitlines()
    assert told[0].startswith("c: in sync as of ")
    assert not [line for line in told if line.startswith("p: ")]
    assert told[-1].startswith("to go on: ")


def test_one_line_for_nagios_whatever_happens(site: Site) -> None:
    def nagios(*words: str) -> tuple[str, int]:
        done = site.cli("status", "--nagios", *words)
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        return line, done.returncode

    chained(site)
    line, code = nagios()
    assert (line, code) == ("SSHSYNC UNKNOWN - no run is on record yet | repositories=2 bad=2;;0;0;2 oldest=U;;;0", 3)
    assert site.cli("--all").returncode == 0
    line, code = nagios("--max-age", "26h")
    assert code == 0
    assert line.startswith("SSHSYNC OK - 2 repositories in sync as of 20")
    assert line.endswith(";;93600;0")
    obstruct(site)
    assert site.cli("--all").returncode == 7
    line, code = nagios()
    assert code == 2
    assert line.startswith("SSHSYNC CRITICAL - 1 of 2 repositories not in sync; c: in sync as of 20")
    assert nagios("p")[1] == 0
    assert nagios("nobody")[1] == nagios("--max-age", "soon")[1] == nagios("--watch")[1] == nagios("m")[1] == 3
    site.config.write_text("nonsense\n")
    line, code = nagios()
    assert (code, line.startswith("SSHSYNC UNKNOWN - 2 problem(s) in the configuration")) == (3, True), line


def test_a_master_is_nobody_to_ask_about(site: Site) -> None:
    chained(site)
    done = site.cli("status", "m")
    assert (done.returncode, "m is a master" in done.stderr) == (2, True)


@pytest.fixture
def slow(site: Site) -> Callable[[], Running]:
    """A run that takes ten seconds for its two files: on a machine with much to do, a command begins after three."""

    def start() -> Running:
        site.fill("m", {"big": os.urandom(4_000_000), "small": b"s"})
        site.here("m", "c", defaults="bwlimit = 400000")
        running = Running(site, "--json", "--all")
        until(lambda: (site.directory / "state" / "headway.json").exists(), "the run tells how far it is")
        return running

    return start


def test_a_run_under_way_is_followed_to_its_end(site: Site, slow) -> None:
    running = slow()
    done = site.cli("status", "--watch", "--json")
    assert done.returncode == 0, done.stdout + running.said
    told = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [values["type"] for values in told]
    assert kinds[-2:] == ["status", "summary"]
    words = [values for values in told if values["type"] == "headway"]
    assert len(words) >= 2
    assert {values["repositories"] for values in words} == {1}
    moving = [part for values in words for part in values["underway"] if part["percent"]]
    assert any(0 < part["percent"] < 100 and part["rate"] > 0 and part["left"] > 0 for part in moving), words
    assert [part["bytes"] for part in moving] == sorted(part["bytes"] for part in moving)
    until(lambda: not running.going, "the run has ended")
    assert not (site.directory / "state" / "headway.json").exists()


def test_status_tells_how_far_a_run_is(site: Site, slow) -> None:
    running = slow()
    said = until(lambda: next((out for out in [site.cli("status").stdout] if "B/s" in out), ""), "it tells")
    assert "is under way: pid" in said
    part = next(line for line in said.splitlines() if "% of 4.0 MB" in line)
    assert part.startswith("c: ")
    assert "B/s, " in part
    until(lambda: not running.going, "the run has ended")


def test_with_nobody_at_work_there_is_nothing_to_follow(site: Site) -> None:
    chained(site)
    assert site.cli("--all").returncode == 0
    done = site.cli("status", "--watch")
    assert (done.returncode, "everything is in sync" in done.stdout) == (0, True)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_on_a_terminal_it_is_shown_in_place(site: Site, slow, columns: int) -> None:
    slow()
    screen = on_terminal(site, columns, "status", "--watch")
    assert "% of 4.0 MB" in screen
    assert "everything is in sync" in screen
    assert "\x1b[1A" in screen or "\x1b[2K" in screen, "the same lines again"


def on_terminal(site: Site, columns: int, *words: str) -> str:
    """Run the command line on a terminal and return all that it wrote there."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "sshsync", "--config", str(site.config), *words]
    env = {**os.environ, "HOME": str(site.directory), "TERM": "xterm-256color"}
    env.pop("COLUMNS", None)
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as running:
        os.close(theirs)
        said = b""
        while True:
            if not select.select([ours], [], [], 60)[0]:
                pytest.fail("it neither speaks nor ends")
            try:
                some = os.read(ours, 65536)
            except OSError:
                break
            if not some:
                break
            said += some
        assert running.wait(60) == 0, said
    os.close(ours)
    return said.decode()
