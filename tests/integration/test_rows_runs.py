"""Rows of the fault matrix about runs: killed, signalled, locked, with a lost journal or a wrong clock."""

import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents
from tests.integration.test_tools import tools
from tests.sshd import require
from tests.values import FULL, some

pytestmark = pytest.mark.integration

DRIVER = Path(__file__).with_name("kill_driver.py")
KILLS = 200 if FULL else 30


def local(site: Site, defaults: str = "") -> None:
    """A chain of three on this machine itself."""
    site.here("m", "c", "d", defaults=defaults)


def over_ssh(site: Site, *, environment: str = "", defaults: str = "") -> None:
    child = site.server("c", environment=environment)
    site.write(
        f"[DEFAULT]\nstable_for = 0\n{defaults}[m]\n{site.server('m').section(path=site.root('m'))}"
        f"[c]\nparent = m\n{child.section(path=site.root('c'))}"
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_row_54_killed_at_random_instants(site: Site, figure) -> None:
    site.fill("m", {**{f"d{n % 4}/f{n}": b"%d" % n * 50 for n in range(40)}, "big": os.urandom(3_000_000)})
    local(site)
    seed = int.from_bytes(os.urandom(4), "big")
    command = [sys.executable, str(DRIVER), str(site.config), str(seed), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"
    assert int(done.stdout) == KILLS
    figure("kills of the controller at random instants", KILLS)


PHASES = {"connect": "run_started", "list": "repository_started", "transfer": "planned", "publish": "published"}


@pytest.mark.parametrize(("phase", "number"), some(itertools.product(PHASES, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)), 2))
def test_row_56_a_signal_in_every_phase_saves_the_state(site: Site, phase: str, number: signal.Signals) -> None:
    site.fill("m", {**{f"f{n}": b"%d" % n for n in range(50)}, **{f"big{n}": os.urandom(2_000_000) for n in range(12)}})
    over_ssh(site)
    running = site.popen("--json", "--sync", "c")
    assert running.stdout
    for line in running.stdout:
        if json.loads(line)["type"] == PHASES[phase]:
            break
    begun = time.monotonic()
    running.send_signal(number)
    out, err = running.communicate(timeout=40)
    assert time.monotonic() - begun < 30
    assert running.returncode == 128 + number, (out[-300:], err)
    assert b"Traceback" not in err
    summary = json.loads(out.splitlines()[-1])
    assert summary["interrupted"]
    again = site.summary("--sync", "c")
    assert again["exit_code"] == 0
    assert again["run"] == summary["run"], "the same run goes on"
    site.same("m", "c")


def test_row_56_the_second_signal_ends_at_once(site: Site) -> None:
    stop = site.directory / "stop"
    site.fill("m", {"a": b"a"})
    local(site, f"listcmd = touch {stop}; sleep 30; find ${{REPOPATH}} -type f\n")
    running = site.popen("--sync", "c")
    while not stop.exists():
        assert running.poll() is None
        time.sleep(0.01)
    assert running.stderr
    running.send_signal(signal.SIGTERM)
    for line in running.stderr:
        if b"once more to stop at once" in line:
            break
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=20)  # the listing would take longer
    assert running.returncode in (-signal.SIGTERM, 143)


def test_row_58_after_a_reboot_the_lock_is_free_and_the_timer_goes_on(site: Site) -> None:
    site.fill("m", {f"big{n}": os.urandom(2_000_000) for n in range(12)})
    over_ssh(site)
    running = site.popen("--json", "--sync", "c")
    assert running.stdout
    for line in running.stdout:
        if json.loads(line)["type"] == "published":
            break
    running.kill()
    running.communicate()
    lock = site.directory / "state" / "lock"
    assert json.loads(lock.read_text())["pid"] == running.pid, "its note is still there"
    again = site.summary("--sync", "c")
    assert again["exit_code"] == 0
    started = [event for event in again["events"] if event["type"] == "run_started"]
    assert started[0]["continued"]
    site.same("m", "c")


def test_row_59_a_child_that_reboots_while_it_publishes(site: Site) -> None:
    """Its mv moves half of the files, then the host is gone."""
    flag = site.directory / "half-way"
    half = (
        f"#!/bin/sh\n[ -e {flag} ] && exec {shutil.which('mv')} \"$@\"\nshift\nfor to; do :; done\nk=0\n"
        f'for f; do k=$((k + 1)); [ $k -gt 3 ] && break; {shutil.which("mv")} -f "$f" "$to"; done\ntouch {flag}\nsleep 60\n'
    )
    path = tools(site, {"mv": half}, also=("stat", "sha256sum", "sync", "sleep"))
    new = {f"f{n}": b"new %d" % n for n in range(8)}
    site.fill("m", new)
    site.fill("c", {name: b"old" for name in new})
    over_ssh(site, environment=f"PATH={path}")
    running = site.popen("--sync", "c")
    while not flag.exists():
        assert running.poll() is None
        time.sleep(0.01)
    site.servers["c"].drop_sessions()
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, (out, err)
    assert b"try 1 failed" in err
    site.same("m", "c")


def test_row_60_the_holder_of_the_lock_is_named_at_once(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    go = site.directory / "go"
    local(site, f"listcmd = while [ ! -e {go} ]; do sleep 0.1; done; find ${{REPOPATH}} -type f\n")
    running = site.popen("--json", "--sync", "c")
    assert running.stdout
    running.stdout.readline()
    second = site.cli("--sync", "c")
    assert second.returncode == 8
    assert running.poll() is None, "nobody waited for it"
    assert f"pid {running.pid} on " in second.stderr
    assert "since 20" in second.stderr
    go.touch()
    running.communicate(timeout=30)
    assert running.returncode == 0


def test_row_61_a_stale_note_with_a_living_pid_does_not_block(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    local(site)
    (site.directory / "state" / "lock").write_text(json.dumps({"pid": os.getpid(), "host": "here", "since": "2020"}))
    (site.directory / "state" / "lock").chmod(0o600)
    assert site.cli("--sync", "c").returncode == 0


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory"])
def test_row_62_what_is_no_lock_file_is_refused_and_left(site: Site, kind: str) -> None:
    victim = site.directory / "victim"
    victim.write_text("precious")
    site.fill("m", {"a": b"a"})
    local(site)
    lock = site.directory / "state" / "lock"
    {"symlink": lambda: lock.symlink_to(victim), "fifo": lambda: os.mkfifo(lock), "directory": lock.mkdir}[kind]()
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "is no lock file of ours" in done.stderr
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("damage", ["garbage", "cut", "flipped", "empty"])
def test_row_63_a_damaged_journal_is_set_aside_and_nothing_is_sent_again(site: Site, damage: str) -> None:
    site.fill("m", {f"f{n}": os.urandom(1000) for n in range(300)})
    local(site)
    assert site.cli("--sync", "c").returncode == 0
    journal = site.directory / "state" / "journal.sqlite"
    whole = journal.read_bytes()
    flipped = whole[:5000] + bytes(255 - byte for byte in whole[5000:20_000]) + whole[20_000:]
    damaged = {"garbage": b"not a database" * 500, "cut": whole[: len(whole) // 2], "flipped": flipped, "empty": b""}[damage]
    journal.write_bytes(damaged)
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0
    assert found["by_name"]["c"]["bytes"]["moved"] == 0
    if damaged:
        assert "damaged" in str(found["by_name"]["c"]["notices"])
        copies = list((site.directory / "state").glob("journal.sqlite.damaged*")) or list((site.directory / "state").glob("*damaged*"))
        assert copies[0].read_bytes()[:100] == damaged[:100]


def test_row_63_a_newer_journal_is_refused_unchanged(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    local(site)
    assert site.cli("--sync", "c").returncode == 0
    journal = site.directory / "state" / "journal.sqlite"
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE meta SET value = '999' WHERE name = 'schema'")
    db.close()
    before = journal.read_bytes()
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "newer" in done.stderr
    assert journal.read_bytes() == before


def test_row_64_a_lost_journal_costs_a_verification_and_no_transfer(site: Site) -> None:
    site.fill("m", {f"f{n}": b"%d" % n for n in range(50)})
    over_ssh(site)
    assert site.cli("--sync", "c").returncode == 0
    for file in (site.directory / "state").glob("journal*"):
        file.unlink()
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0
    assert found["by_name"]["c"]["outcome"] == "unchanged"
    assert found["by_name"]["c"]["bytes"]["moved"] == 0
    hashed = {event["repository"]: event["hashed"] for event in found["events"] if event["type"] == "scanned"}
    assert hashed["c"] > 0, "everything is verified anew"


@pytest.mark.parametrize("offset", ["+10y", "-10y"])
def test_row_65_a_wrong_clock_of_the_controller(site: Site, offset: str) -> None:
    require(bool(shutil.which("faketime")), "faketime")
    site.fill("m", {"a": b"a", "b": b"b"})
    over_ssh(site, defaults="")
    command = ["faketime", "-f", offset, sys.executable, "-m", "sshsync", "--config", str(site.config), "--sync", "c"]
    environment = {**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    site.same("m", "c")
    (site.root("m") / "a").write_bytes(b"changed")
    assert site.cli("--sync", "c").returncode == 0
    site.same("m", "c")


@pytest.mark.parametrize("shift", [-86400, 86400])
def test_row_65_a_wrong_clock_of_a_host_and_its_young_files(site: Site, shift: int) -> None:
    """A file is young by its own host's clock: a wrong one neither waits for ever nor takes what is being written."""
    date = f'#!/bin/sh\n[ "$1" = +%s ] && echo $(($({shutil.which("date")} +%s) + {shift})) || exec {shutil.which("date")} "$@"\n'
    path = tools(site, {"date": date}, also=("stat", "sha256sum", "sync"))
    site.fill("m", {"old": b"old"}, mtime=int(time.time()) + shift - 5000)
    # A little in the future, so that it is still young when a busy machine comes to list it.
    site.fill("m", {"young": b"young"}, mtime=int(time.time()) + shift + 60)
    server = site.server("m", environment=f"PATH={path}")
    site.write(
        f"[DEFAULT]\nstable_for = 3\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{site.server('c').section(path=site.root('c'))}"
    )
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0
    waits = [event["seconds"] for event in found["events"] if event["type"] == "waiting"]
    assert len(waits) == 1
    assert waits[0] <= 3.0
    site.same("m", "c")


def test_row_66_times_of_every_kind_come_over(site: Site) -> None:
    times = {"epoch": 0, "before": -86400, "1960": -315_619_200, "1901": -2_147_483_647, "2300": 10_413_792_000, "2242": 8**11, "2038": 2**31 + 5, "2106": 2**32 + 5, "summer": 1_711_846_800, "leap": 1_483_228_799}
    for name, at in times.items():
        site.fill("m", {name: name.encode(), f"{name}.big": name.encode() * 400_000}, mtime=at)
        if int((site.root("m") / name).stat().st_mtime) != at:
            pytest.skip(f"the file system does not hold the time {at}")
    fine = site.root("m") / "fine"
    fine.write_bytes(b"nanoseconds")
    os.utime(fine, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    over_ssh(site)
    assert site.summary("--sync", "c")["exit_code"] == 0
    for name, at in times.items():
        assert (site.root("c") / name).stat().st_mtime == at, name
        assert (site.root("c") / f"{name}.big").stat().st_mtime == at, name
    assert int((site.root("c") / "fine").stat().st_mtime) == 1_600_000_000
    again = site.summary("--sync", "c")["by_name"]["c"]
    assert again["outcome"] == "unchanged"
    assert not again["notices"]
    assert contents(site.root("c")).keys() == contents(site.root("m")).keys()


def test_every_batch_is_flushed_renamed_and_flushed_again(site: Site) -> None:
    """The order in which the child's own tools are called, small files and a big one."""
    log = site.directory / "order"
    wrap = '#!/bin/sh\necho "{name} $*" >> {log}\nexec {real} "$@"\n'
    wrapped = {name: wrap.format(name=name, log=log, real=shutil.which(name)) for name in ("sync", "mv")}
    path = tools(site, wrapped, also=("stat", "sha256sum"))
    site.fill("m", {"a": b"a", "d/b": b"b", "big": os.urandom(2_000_000)})
    over_ssh(site, environment=f"PATH={path}")
    log.write_text("")
    assert site.cli("--sync", "c").returncode == 0
    calls = [line for line in log.read_text().splitlines() if "--help" not in line and line != "sync -f /" and ".open " not in line]
    kinds = "".join("F" if line.startswith("sync -f ") else "S" if "/part/" in line else "R" for line in calls)
    assert re.fullmatch("(S?FR+F)+", kinds), calls
    assert (kinds.count("R"), kinds.count("S")) == (2, 1), "a and the new directory in one go, and the big file"
    assert all(line == f"sync -f {site.root('c')}" for line in calls if line.startswith("sync"))
    log.write_text("")
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"
    assert "mv" not in log.read_text(), "nothing is renamed when nothing changed"
