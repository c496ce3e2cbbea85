"""Patience: work that is slow but steady is left alone, a connection that stands still is given up at once."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest

from sshsync.errors import ConnectionLostError
from sshsync.hosts.session import Session
from sshsync.model.topology import Login
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transports.dialing import dial
from sshsync.transports.ssh import SshTransport
from sshsync.transports.trust import Trust
from tests import values
from tests.integration.conftest import Site
from tests.integration.double import BEGINS, Double, Doubles
from tests.sshd import Sshd

pytestmark = pytest.mark.integration

RATE = 1_200_000
"""Bytes a second at which the steady transfers go: each takes longer than ten times its timeout."""

FEED = "i=0; while [ $i -lt 24 ]; do i=$((i + 1)); printf '%0500d' $i; sleep 0.5; done > ${LOCALDIR}/${FILE}; cp -p ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"
SLOW_LIST = "for f in ${REPOPATH}/tiny/*; do sleep 0.5; printf '%s\\n' $f; done"
SLOW_DIGEST = "sleep 0.5; sha256sum < ${FILEPATH}"


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict]]:
    """One run of children that each take their time in another way, all side by side."""
    site = Site(tmp_path_factory.mktemp("steady"))
    tiny = {f"tiny/{n:02}": b"%d" % n for n in range(26)}
    site.fill("m", {**{f"small/{n:02}": os.urandom(1_000_000) for n in range(16)}, "big/file": os.urandom(15_000_000), **tiny})
    ways = {
        "pack": f"include = small/\nbwlimit = {RATE}",
        "part": f"include = big/\nbwlimit = {RATE}",
        "scp": f"include = big/\nbwlimit = {RATE}\ntransfer = scp",
        "command": f"include = tiny/00\nsynccmd = {FEED}",
        "listing": f"include = tiny/\nlistcmd = {SLOW_LIST}",
        "digest": f"include = tiny/\ndigestcmd = {SLOW_DIGEST}",
    }
    server = site.server("host")
    text = f"[DEFAULT]\nstable_for = 0\ntimeout = 1\nretries = 2\n[m]\n{server.section(path=site.root('m'))}"
    for name, way in ways.items():
        if name in ("listing", "digest"):
            site.fill(name, tiny)
        text += f"[{name}]\nparent = m\n{server.section(path=site.root(name))}{way}\n"
    site.write(text)
    yield site, site.summary("--sync", ",".join(ways))
    site.close()


@pytest.mark.parametrize("way", ["pack", "part", "scp", "command", "listing", "digest"])
def test_a_steady_transfer_of_any_length_ends_well(steady: tuple[Site, dict], way: str) -> None:
    site, found = steady
    entry = found["by_name"][way]
    assert entry["outcome"] in ("done", "unchanged"), entry
    told = [event for event in found["events"] if event.get("repository") == way and event["type"] in ("retried", "resent")]
    assert told == []
    assert entry["seconds"] > 10, "longer than ten times the timeout"
    below = {"pack": "small", "part": "big", "scp": "big", "command": "tiny", "listing": "tiny", "digest": "tiny"}[way]
    for file in (site.root(way) / below).iterdir():
        assert file.read_bytes() == (site.root("m") / below / file.name).read_bytes()


class Frozen:
    """A link from `m` to `c`, perhaps through `j`, in which one server's sessions stop as a signal would stop them."""

    def __init__(self, directory: Path, who: str, what: str) -> None:
        directory.mkdir()
        self.site = Site(directory)
        self.marker = directory / "marker"
        self.what = what
        self.server = self.site.server(who)
        options = self._transfer() if what == "transfer" else self._digest("m" if who == "m" else "c")
        text = "[DEFAULT]\nstable_for = 0\ntimeout = 4\nretries = 3\n"
        for name in ("m", "c", *(["j"] if who == "j" else [])):
            more = "" if name == "m" else "parent = m\n"
            more += "via = j\n" if name == "c" and who == "j" else ""
            section = self.site.server(name).section(path=self.site.root(name))
            text += f"[{name}]\n{more}{section}{options.get(name, '')}\n"
        self.site.write(text)

    def _transfer(self) -> dict[str, str]:
        self.site.fill("m", {"big": os.urandom(24_000_000)})  # more than the window takes that a host may send ahead
        return {"c": "bwlimit = 4M"}

    def _digest(self, slow: str) -> dict[str, str]:
        for name in ("m", "c"):
            self.site.fill(name, {"big": b""})
            with (self.site.root(name) / "big").open("r+b") as out:
                out.truncate(300_000_000)  # a digest of it may be silent for a minute
            os.utime(self.site.root(name) / "big", (1_600_000_000, 1_600_000_000))
        return {slow: f"digestcmd = echo begun >> {self.marker}; sleep 6; sha256sum < ${{FILEPATH}}"}

    def _begun(self) -> bool:
        staged = (file for file in self.site.root("c").glob(".sshsync/**/*") if file.is_file())
        return self.marker.exists() if self.what == "digest" else any(file.stat().st_size > 500_000 for file in staged)

    def run(self) -> tuple[list[dict], str]:
        """Freeze the sessions once the work has begun; return the events of the run and why it failed, if it did."""
        running = self.site.popen("--json", "--sync", "c")
        until = time.monotonic() + 60
        while not self._begun() and running.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        stopped = self.server.sessions()
        self.server.signal_sessions(signal.SIGSTOP)
        try:
            out, errors = running.communicate(timeout=180)
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            running.kill()
            self.site.close()
        events = [json.loads(line) for line in out.splitlines()]
        return events, "" if running.returncode == 0 else f"ended with {running.returncode}: {events[-1:]} {errors!r}"


CASES = [(who, what) for what in ("transfer", "digest") for who in ("m", "c", "j")]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], "Future[tuple[Frozen, list[dict], str]]"]]:
    """All cases side by side: nearly all of their time is waiting."""
    directory = tmp_path_factory.mktemp("frozen")

    def one(case: tuple[str, str]) -> tuple[Frozen, list[dict], str]:
        made = Frozen(directory / "-".join(case), *case)
        return made, *made.run()

    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {case: pool.submit(one, case) for case in CASES}


@pytest.mark.parametrize(("who", "what"), CASES)
def test_a_frozen_session_costs_one_retry(frozen, who: str, what: str) -> None:
    """Whether it is the parent's, the child's or the jump host's, and however long the command may be silent."""
    made, events, trouble = frozen[who, what].result()
    assert not trouble
    retried = [event for event in events if event["type"] == "retried"]
    assert len(retried) == 1, retried
    assert "stands still" in retried[0]["reason"]
    assert (made.site.root("c") / "big").read_bytes() == (made.site.root("m") / "big").read_bytes()
    if what == "digest":
        assert len(made.marker.read_text().splitlines()) == 2, "the second try was left alone, silent as it was"


class Closing(Double):
    """A server double that runs nothing well: of so many commands one is served, before the others a channel closes."""

    def __init__(self, serves: Callable[[int], bool], *, refuse: bool) -> None:
        super().__init__()
        self._serves = serves
        self._refuse = refuse
        self.asked = 0

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked += 1
        if self._serves(self.asked):
            return super().check_channel_exec_request(channel, command)
        if not self._refuse:
            threading.Timer(BEGINS, channel.close).start()
        return not self._refuse


@pytest.mark.parametrize("refuse", [True, False], ids=["refused", "closed"])
def test_a_channel_that_ends_before_its_command_is_opened_again_at_once(doubles: Doubles, refuse: bool) -> None:
    rules = Closing(lambda number: number % 2 == 0, refuse=refuse)
    session = doubles(rules)
    for _ in range(5):
        assert session.run(Command(scripts.NOTHING)).payload == b"hello"
    assert rules.asked == 10


@pytest.mark.parametrize("refuse", [True, False], ids=["refused", "closed"])
def test_a_host_that_begins_no_command_at_all_is_told(doubles: Doubles, refuse: bool) -> None:
    rules = Closing(lambda _number: False, refuse=refuse)
    session = doubles(rules)
    with pytest.raises(ConnectionLostError):
        session.run(Command(scripts.NOTHING))
    assert rules.asked == 4
    assert session.alive


def test_a_connection_that_answers_is_kept_whatever_is_silent(tmp_path: Path) -> None:
    server = Sshd(tmp_path, "sshd")
    (tmp_path / "known").write_text(server.known + "\n")
    login = Login(server.user, key_file=str(server.key))
    host = values.host("127.0.0.1", server.port, login, timeout=0.5)
    made = Session(SshTransport(host, Trust((tmp_path / "known",)), lambda: dial("127.0.0.1", server.port, 5)), 0.5)
    quiet = scripts.Script("quiet", "main() { sleep 3; echo done; }\n")
    assert made.run(Command(quiet), allow=30).payload == b"done\n"
    made.close()
    server.stop()
