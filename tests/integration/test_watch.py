"""`sshsync watch` as a process: what a vendor uploads is on the nodes when it is complete, and not before."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import OLD, Site, contents

pytestmark = pytest.mark.integration

SECTIONS = "watch_interval = 1\n[DEFAULT]\ntransport = local\nstable_for = {stable}\n[m]\npath = {root}/m\n[c]\npath = {root}/c\nparent = m\n"
MORE = "[n]\npath = {root}/n\nparent = c\n"


def configured(site: Site, text: str = "", stable: float = 1) -> None:
    site.write((SECTIONS + text).format(root=site.directory, stable=stable))


def until(true: Callable[[], object], within: float = 40) -> None:
    limit = time.monotonic() + within
    while not true():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.05)


def held(site: Site, child: str) -> dict[bytes, tuple[bytes, int, int]]:
    return contents(site.root(child))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A service manager: the address of its socket, and what it was told."""
    address = str(tmp_path / "notify")
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(0.2)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    heard.append(listening.recv(4096).decode())

        thread = threading.Thread(target=listen)
        thread.start()
        yield address, heard
        done.set()
        thread.join()


@contextlib.contextmanager
def watching(site: Site, *words: str, address: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, "HOME": str(site.directory), "NOTIFY_SOCKET": address}
    # As a service manager starts it: whoever runs the tests may have HUP ignored.
    running = site.popen("watch", *words, env=environment, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def runs(site: Site) -> int:
    return sum("exit code" in line for line in site.cli("history").stdout.splitlines())


def test_an_upload_is_on_the_nodes_when_it_is_complete_and_not_before(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    # Many times the pause between two writes: a busy machine may make one of those much longer.
    configured(site, MORE, stable=5)
    with watching(site) as running:
        until(lambda: b"a" in held(site, "n"))
        whole = b"".join(b"%d" % n * 20_000 for n in range(8))
        partial = []
        with (site.root("m") / "big").open("wb") as upload:
            for part in range(0, len(whole), 40_000):
                upload.write(whole[part : part + 40_000])
                upload.flush()
                until(lambda mark=time.monotonic() + 0.5: time.monotonic() > mark)
                partial.append(b"big" in held(site, "c"))
        assert not any(partial), "it was taken while it was being written"
        until(lambda: held(site, "n").get(b"big", (b"",))[0] == whole)
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    site.same("m", "c", "n")


def test_a_manager_hears_that_it_is_ready_alive_and_reloading(site: Site, manager: tuple[str, list[str]]) -> None:
    address, heard = manager
    site.fill("m", {"a": b"alpha"})
    configured(site)
    with watching(site, "--sync", "c", address=address) as running:
        until(lambda: b"a" in held(site, "c"))
        until(lambda: heard.count("WATCHDOG=1") > 2 and "STATUS=nothing new" in heard)
        assert heard[0] == "READY=1"
        assert "STATUS=a run is under way" in heard
        site.config.write_text("[nonsense\n")
        running.send_signal(signal.SIGHUP)
        until(lambda: heard.count("READY=1") == 2)
        assert any(message.startswith("RELOADING=1\nMONOTONIC_USEC=") for message in heard)
        configured(site)
        site.config.write_text(site.config.read_text().replace("[c]", "[renamed]"))
        running.send_signal(signal.SIGHUP)
        until(lambda: heard.count("READY=1") == 3)
        configured(site, MORE)
        running.send_signal(signal.SIGHUP)
        until(lambda: heard.count("READY=1") == 4)
        site.fill("m", {"b": b"beta"})
        until(lambda: b"b" in held(site, "c"))
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=20)
        assert running.returncode == 0
        assert errors.count(b"the old configuration stays in force") == 2
        assert b"unknown repository 'c'" in errors
        assert b"Traceback" not in errors


def test_signals_that_come_while_it_reloads_are_taken_too(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    configured(site, stable=0)
    with watching(site) as running:
        until(lambda: b"a" in held(site, "c"))
        for _ in range(60):
            running.send_signal(signal.SIGHUP)
            until(lambda mark=time.monotonic() + 0.02: time.monotonic() > mark)
        site.fill("m", {"b": b"beta"})
        until(lambda: b"b" in held(site, "c"))
        running.send_signal(signal.SIGHUP)
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0


def test_a_run_that_term_ends_is_continued_by_the_next(site: Site) -> None:
    site.fill("m", {f"f{n}": os.urandom(2_000_000) for n in range(20)})
    configured(site)
    with watching(site) as running:
        until(lambda: held(site, "c"))
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert site.cli("--all").returncode == 0
    site.same("m", "c")


def test_it_takes_turns_with_other_runs(site: Site) -> None:
    from sshsync.state.lock import Lock

    site.fill("m", {"a": b"alpha"})
    configured(site)
    with Lock(site.directory / "state" / "lock"), watching(site) as running:
        errors: list[bytes] = []
        assert running.stderr
        for line in running.stderr:
            errors.append(line)
            if b"another run holds the lock" in line:
                break
        assert b"pid " in errors[-1]
        assert not held(site, "c")
    with watching(site) as running:
        until(lambda: b"a" in held(site, "c"))
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130


def test_once_walks_only_when_something_is_new(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    configured(site, stable=0)
    assert site.cli("watch", "--once").returncode == 0
    assert b"a" in held(site, "c")
    done = site.cli("watch", "--once")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert runs(site) == 1
    site.fill("m", {"b": b"beta"}, OLD)
    assert "in sync" in site.cli("watch", "--once").stdout
    assert runs(site) == 2
    site.same("m", "c")
    # What failed is tried again at the next call, new or not.
    (site.root("m") / "blocked").write_bytes(b"x")
    (site.root("c") / "blocked").mkdir()
    assert [site.cli("watch", "--once").returncode for _ in range(2)] == [7, 7]
    (site.root("c") / "blocked").rmdir()
    assert site.cli("watch", "--once").returncode == 0
    site.same("m", "c")


def test_once_waits_for_an_upload_that_is_under_way(site: Site) -> None:
    site.root("m")
    configured(site, stable=2)
    upload = site.root("m") / "late"
    upload.write_bytes(b"be")
    done = site.popen("watch", "--once")
    assert done.stderr
    assert any(b"waiting for" in line for line in done.stderr)
    upload.write_bytes(b"beta")
    assert done.wait(40) == 0
    done.communicate()
    assert held(site, "c")[b"late"][0] == b"beta"


def test_a_master_that_is_gone_fails_as_a_run_does(site: Site) -> None:
    configured(site, stable=0)
    done = site.cli("watch", "--once")
    assert done.returncode == 6
    assert "m" in done.stdout + done.stderr
    assert runs(site) == 1


def test_what_no_child_takes_does_not_keep_it_waiting(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    configured(site, "exclude = *.log\n", stable=3)
    busy, ended = site.root("m") / "busy.log", threading.Event()

    def write() -> None:
        while not ended.wait(0.3):
            with busy.open("ab") as log:
                log.write(b"line\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with watching(site):
            until(lambda: b"a" in held(site, "c"))
        assert b"busy.log" not in held(site, "c")
    finally:
        ended.set()
        writer.join()


@pytest.mark.parametrize(("words", "code"), [(["--plan", "none"], 2), (["--sync", "nobody"], 4), (["--sync", "c", "--plan", "x"], 2), (["--sync", "m"], 2)])
def test_bad_words_are_told_before_anything_is_contacted(site: Site, words: list[str], code: int) -> None:
    configured(site)
    assert site.cli("watch", *words).returncode == code


def test_a_watcher_greets_a_host_once_and_again_when_its_connection_was_lost(site: Site) -> None:
    """A key that is refused for a while stops nothing for good."""
    server = site.server("master")
    site.fill("m", {"a": b"alpha"})
    site.write(
        f"watch_interval = 1\n[DEFAULT]\nstable_for = 0\nretries = 1\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\ntransport = local\npath = {site.root('c')}\nparent = m\n"
    )

    def greetings() -> int:
        return server.log.read_text().count("Accepted publickey")

    def uploaded(name: str) -> None:
        site.fill("m", {name: name.encode()})
        until(lambda: name.encode() in held(site, "c"))

    with watching(site) as running:
        for name in "abc":
            uploaded(name)
        assert greetings() == 1, "looks and walks share a connection"
        server.drop_sessions()
        uploaded("d")
        assert greetings() == 2

        accepted = server.home / "authorized"
        keys = accepted.read_text()
        accepted.write_text("")
        server.drop_sessions()
        assert running.stderr
        assert any(b"cannot be looked at" in line for line in running.stderr)
        accepted.write_text(keys)
        uploaded("e")
        assert greetings() == 3
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    site.same("m", "c")
