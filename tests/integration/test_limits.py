"""The window and the longest duration of runs, from outside: what a timer, a person and a watcher get."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.integration.conftest import Site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def window(begin: int, end: int) -> str:
    """Return hours that begin and end so many hours from now."""
    return "-".join(time.strftime("%H:%M", time.localtime(time.time() + hours * 3600)) for hours in (begin, end))


def limited(site: Site, lines: str) -> Site:
    text = site.config.read_text()
    site.config.write_text(text.replace("[sshsync]\n", f"[sshsync]\nplan.nightly = --all\n{lines}\n", 1))
    return site


def test_a_timer_that_asks_outside_of_the_window_gets_one_line_and_nothing_more(local: Site) -> None:
    hours = window(2, 3)
    told = local.directory / "told"
    limited(local, f"window = {hours}\nnotify_command = /usr/bin/tee {told}\nmetrics_file = {local.directory}/metrics\nreport_dir = {local.directory}/pages")
    for _ in range(3):
        done = local.cli("--plan", "nightly")
        assert (done.returncode, done.stderr) == (12, "")
        (line,) = done.stdout.splitlines()
        assert line.startswith(f"outside of the window {hours}: nothing was begun; it opens at {hours[:5]} (to run it now: ")
        assert line.endswith("--plan nightly --now)")
    quiet = local.cli("--quiet", "--plan", "nightly")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (12, "", "")
    (answer,) = map(json.loads, local.cli("--json", "--plan", "nightly").stdout.splitlines())
    assert answer["type"] == "remark"
    assert not told.exists() and not (local.directory / "metrics").exists() and not (local.directory / "pages").exists()
    assert len((local.directory / "state" / "sshsync.log").read_text().splitlines()) == 5, "a line each in the log"
    assert not (local.directory / "state" / "journal.sqlite").exists()


def test_what_is_no_run_is_not_bound_by_it(local: Site) -> None:
    limited(local, f"window = {window(2, 3)}")
    assert local.cli("--all", "--dry-run").returncode == 11
    assert local.cli("hosts", "check").returncode == 0
    assert local.cli("config", "check").returncode == 0
    assert local.cli("resume").returncode == 0, "there is nothing to go on with"
    assert local.cli("--now", "status").returncode == 2
    assert local.cli("--all", "--now").returncode == 0
    assert local.cli("verify").returncode == 0
    assert local.cli("status").returncode == 0
    assert local.cli("diff", "c").returncode == 0
    assert local.cli("verify", "--repair").returncode == 12
    assert local.cli("verify", "--repair", "--now").returncode == 0
    assert local.cli("watch", "--once").returncode == 12


def test_within_it_all_is_as_ever(local: Site) -> None:
    limited(local, f"window = {window(-2, 2)}\nmax_duration = 8h")
    assert local.cli("--plan", "nightly").returncode == 0
    local.same("m", "c")
    assert local.cli("watch", "--once").returncode == 0


@pytest.mark.parametrize("line", ["22:00-22:00", "22", "Foo 22:00-06:00"])
def test_hours_that_are_none_are_told_with_their_place(local: Site, line: str) -> None:
    done = limited(local, f"window = {line}").cli("--all")
    assert done.returncode == 3
    assert "[sshsync] window: " in done.stderr
    assert f"{local.config}:3: " in done.stderr


def test_a_run_that_takes_too_long_ends_and_the_next_goes_on_where_it_was(chain: Callable[..., Site]) -> None:
    """A big file over a slow link: what came of it stays, and nothing of that is sent again."""
    site = chain("bwlimit = 400k\n")
    site.fill("master", {"big": os.urandom(4_000_000), "a": b"alpha"})
    limited(site, f"max_duration = 4s\nreport_dir = {site.directory}/pages")
    line = ("--sync", "proxy", "--sync", "node1,node2")
    first = site.summary(*line)
    assert (first["exit_code"], first["out_of_time"], first["interrupted"]) == (75, "max_duration = 4s is over", True)
    assert "max_duration = 4s is over: 0 of 3 repositories done" in (site.directory / "pages" / "latest.html").read_text()
    done = site.cli("status", "proxy")
    assert done.returncode == 75, "the others were never reached"
    assert "max_duration = 4s is over" in done.stdout
    assert f"it goes on by itself when the same line runs again, or now: sshsync -c {site.config} resume" in done.stdout
    text = site.config.read_text()
    site.config.write_text(text.replace("max_duration = 4s\n", "").replace("bwlimit = 400k\n", ""))
    second = site.summary(*line)
    assert (second["exit_code"], second["run"], second["out_of_time"]) == (0, first["run"], "")
    site.same("master", "proxy", "node1", "node2")
    moved = [event["bytes"] for event in second["events"] if event["type"] == "published" and event["repository"] == "proxy"]
    assert sum(moved) < 3_500_000


def test_a_watcher_looks_at_nobody_outside_of_it_and_says_why(local: Site) -> None:
    hours = window(2, 3)
    limited(local, f"window = {hours}\nwatch_interval = 1")
    command = [sys.executable, "-m", "sshsync", "--config", str(local.config), "watch"]
    watcher = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert watcher.stderr
        assert f"watch: outside of the window {hours}" in watcher.stderr.readline()
    finally:
        watcher.terminate()
        _, rest = watcher.communicate(timeout=30)
    assert watcher.returncode == 0
    assert "a run" not in rest
    assert not any(local.root("c").iterdir())
