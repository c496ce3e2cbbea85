"""Rows of the fault matrix about operation: logs, secrets, long lives, and what is told when all tries are used up."""

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.ports import reserved
from sshsync.core.lease import Here, Owner
from sshsync.errors import HostError
from sshsync.executors.serial import Serial
from sshsync.model import events as ev
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World
from tests.integration.conftest import Site
from tests.integration.test_faults import connect, host
from tests.integration.test_rows_runs import local, over_ssh
from tests.sshd import Sshd

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("option", ["log_file", "state_dir", "lock_file"])
def test_row_93_what_cannot_be_written_is_told_before_anything_is_contacted(site: Site, option: str) -> None:
    site.fill("m", {"a": b"a"})
    over_ssh(site)
    (site.directory / "file").write_text("no directory")
    text = site.config.read_text().replace("[DEFAULT]", f"{option} = {site.directory}/file/x\n[DEFAULT]", 1)
    if option == "state_dir":
        text = text.replace(f"state_dir = {site.directory}/state\n", "", 1)
    site.config.write_text(text)
    done = site.cli("--sync", "c")
    assert done.returncode == 6, done.stdout + done.stderr
    assert f"{site.directory}/file" in done.stderr
    assert "Traceback" not in done.stderr
    assert not any("Accepted" in server.log.read_text() for server in site.servers.values())


def test_row_94_hostile_names_and_words_in_log_screen_and_report(site: Site) -> None:
    evil = ["\x1b[2J", "\u009b31m", "line\nfeed", "\r", "\u202egnp.exe", os.fsdecode(b"\xff\xfe"), "x" * 255, "tab\t"]
    site.fill("m", {name: b"x" for name in evil})
    local(site)
    for name in evil:
        (site.root("c") / name).mkdir()
    done = site.cli("-v", "--sync", "c")
    assert done.returncode == 6
    log = (site.directory / "state" / "sshsync.log").read_bytes()
    shown = (done.stdout + done.stderr).encode("utf-8", "surrogateescape") + log
    for raw in (b"\x1b", b"\xc2\x9b", b"\r", b"\xe2\x80\xae", b"\xff", b"\t"):
        assert raw not in shown
    lines = log.splitlines()
    assert all(json.loads(line)["event"] for line in lines), "one event a line"
    assert max(map(len, lines)) < 5000


def test_row_94_a_host_that_complains_without_end_is_bounded_in_the_log(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    local(site, "listcmd = yes 'a complaint' | head -c 10000000 >&2; exit 1 # ${REPOPATH}\n")
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "a complaint" in done.stdout
    assert (site.directory / "state" / "sshsync.log").stat().st_size < 20_000
    assert len(done.stdout + done.stderr) < 20_000


def test_row_95_passphrases_and_printed_passwords_are_nowhere(site: Site) -> None:
    """Searched: screen, log, journal, report, and the arguments of every process while the run goes on."""
    secret, phrase = "hunter2-printed-secret", "phrase-very-secret"
    site.fill("m", {"a": b"a"})
    server = site.server("m")
    locked = site.directory / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(locked)], check=True)
    (server.home / "authorized").write_text(locked.with_suffix(".pub").read_text())
    for name, words in (("printer", secret), ("phraser", phrase)):
        file = site.directory / name
        file.write_text(f"#!/bin/sh\ncat {file}.txt\n")
        (site.directory / f"{name}.txt").write_text(words + "\n")
        file.chmod(0o700)
    seen = site.directory / "seen"
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'), key_file=locked)}"
        f"key_passphrase_command = {site.directory}/phraser\npassword_command = {site.directory}/printer\n"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
        f"synccmd = ps -eo args >> {seen}; cp ${{REMOTEDIR}}/${{FILE}} ${{LOCALDIR}}/${{FILE}}\n"
    )
    done = site.cli("-v", "--json", "--sync", "c")
    assert done.returncode == 0, done.stdout + done.stderr
    (server.home / "authorized").write_text("")
    refused = site.cli("-v", "--sync", "c")
    assert refused.returncode == 10
    site.config.write_text(site.config.read_text().replace("phraser", "printer"))
    wrong = site.cli("-v", "--sync", "c")
    assert wrong.returncode != 0
    shown = "".join(run.stdout + run.stderr for run in (done, refused, wrong, site.cli("history"), site.cli("config", "show", "m")))
    shown += seen.read_text() + "".join(file.read_bytes().decode("latin-1") for file in (site.directory / "state").rglob("*") if file.is_file())
    assert secret not in shown
    assert phrase not in shown
    assert "ps -eo args" in shown, "the search does see arguments"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_row_96_a_thousand_connections_leave_nothing_behind(tmp_path: Path, figure) -> None:
    """Refused keys, closed ports and dropped greetings, and good ones in between."""
    server = Sshd(tmp_path, "sshd", "MaxStartups 200", "MaxAuthTries 6")
    other = Sshd(tmp_path, "other")
    other.stop()
    (tmp_path / "known").write_text(server.known + "\n")
    listener = socket.create_server(("127.0.0.1", 0))

    def drop() -> None:
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    threading.Thread(target=drop, daemon=True).start()
    good = host(server.port, user=server.user, key_file=str(server.key))
    refused = host(server.port, user=server.user, key_file=str(other.key))
    closed, dropped = host(reserved(), user="u", key_file=str(server.key)), host(listener.getsockname()[1], user="u", key_file=str(server.key))

    def once(number: int) -> None:
        place = (good, refused, closed, dropped)[number % 4]
        try:
            connect(place, (tmp_path / "known",)).close()
            assert place is good
        except HostError:
            assert place is not good

    once(0)
    settled = time.monotonic() + 5
    while threading.active_count() > 3 and time.monotonic() < settled:
        time.sleep(0.05)
    before = threading.active_count(), len(os.listdir("/proc/self/fd")), _resident()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(once, range(1000)))
    until = time.monotonic() + 20
    while time.monotonic() < until:
        after = threading.active_count(), len(os.listdir("/proc/self/fd")), _resident()
        if after[0] <= before[0] and after[1] <= before[1]:
            break
        time.sleep(0.1)
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert after[2] < before[2] + 40_000_000
    listener.close()
    server.stop()
    figure("connections made, refused and dropped in one process", 1000)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_row_97_more_than_1024_open_files_at_the_start(site: Site) -> None:
    """A select() over descriptor numbers would end here; polling does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("the limit of open files is too low")
    site.fill("m", {"a": b"a", "b": os.urandom(2_000_000)})
    over_ssh(site)
    program = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (4096, {hard}))\n"
        "held = [os.open('/dev/null', os.O_RDONLY) for _ in range(1500)]\n"
        f"sys.argv = ['sshsync', '--config', {str(site.config)!r}, '--sync', 'c']\n"
        "from sshsync.cli.main import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    site.same("m", "c")
    del soft


def test_row_98_when_all_tries_are_used_up_each_is_told(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    over_ssh(site, defaults="retries = 3\n")
    site.servers["m"].stop()
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 75
    error = found["by_name"]["c"]["error"]
    assert "[3 tries in " in error, error
    assert error.count("Connection refused") == 1, "equal reasons are told once"
    retried = [event for event in found["events"] if event["type"] == "retried"]
    assert [event["attempt"] for event in retried] == [1, 2]


def test_row_98_time_runs_out_before_the_tries(world: World) -> None:
    """An unreachable host is given up by time, whatever the number of tries allows."""
    world.fill("master", b"/m", {b"a": b"a"})
    world.host("master").faults += [Fault("refuse") for _ in range(1000)]
    now = [1_000_000.0]
    owner = Owner("host", "machine", "boot", "space", 1, "1", "now")
    here = Here(owner, lambda _pid: "", lambda: now[0], lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    report = world.run("proxy", text=CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 100"), here=here, executor=Serial()).report
    assert report.exit_code == 75
    assert 30 < now[0] - 1_000_000 < 90
    assert 3 < len(world.seen(ev.Retried)) < 99
