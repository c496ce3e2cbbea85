"""Journal, lock, known hosts, retries, logs: what touches the controller."""

import base64
import hashlib
import hmac
import json
import os
import shlex
import sqlite3
import threading
from pathlib import Path

import pytest

from sshsync import logs
from sshsync.engine.sinks import FanOut, Folding, Logging
from sshsync.errors import (
    ConnectError,
    ConnectionLostError,
    HostKeyError,
    InterruptedRun,
    LockedError,
    StateError,
    UsageError,
)
from sshsync.hosts.retrying import Stop, retry
from sshsync.model import events as ev
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.model.policy import Retries
from sshsync.state.directory import check_directory
from sshsync.state.journal import Journal, find_run
from sshsync.state.lock import Lock, device_of, held
from sshsync.transports import known_hosts
from sshsync.transports.deadlines import Deadlines
from sshsync.transports.known_hosts import HostKey, check, look_up
from sshsync.transports.ssh_auth import check_mode, load_key, read_password
from tests.values import keep
from tests.conftest import CHAIN, configure

QUICK = Retries(transient=4, first_wait=0.001, longest_wait=0.002)


@pytest.fixture
def journal(tmp_path: Path):
    made = Journal(tmp_path / "state")
    with made.writing(configure(CHAIN, tmp_path).tree.repositories.values()):
        yield made


def repository(tmp_path: Path, name: str = "proxy", text: str = CHAIN):
    return configure(text, tmp_path).tree.repositories[name]


def test_what_is_published_is_on_record(journal: Journal, tmp_path: Path) -> None:
    keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
    keep(journal, ev.Published("proxy", [("a\udcff", "sha256:1", 5), ("b", "sha256:2", 6)], 11))
    proxy = repository(tmp_path)
    assert dict(journal.verified(proxy)) == {b"a\xff": "sha256:1", b"b": "sha256:2"}
    assert journal.count(proxy) == 2
    keep(journal, ev.Deleted("proxy", ["b"]))
    keep(journal, ev.Verified("proxy", [("c", "sha256:3", 1), ("a\udcff", "", 0)]))
    assert dict(journal.verified(proxy)) == {b"c": "sha256:3"}


def test_records_are_bound_to_the_place(journal: Journal, tmp_path: Path) -> None:
    keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
    keep(journal, ev.Published("proxy", [("a", "sha256:1", 5)], 5))
    proxy = repository(tmp_path)
    moved = repository(tmp_path, text=CHAIN.replace("path = /p", "path = /elsewhere"))
    assert dict(journal.verified(moved)) == {}
    assert dict(journal.verified(proxy)), "a look at another place forgets nothing"
    journal.close()
    with journal.writing([moved]):
        assert dict(journal.verified(proxy)) == dict(journal.verified(moved)) == {}


def test_the_digest_cache(journal: Journal, tmp_path: Path) -> None:
    proxy = repository(tmp_path)
    stamp = Stamp(1, 2, 3, 4)
    journal.learn(proxy, "sha256", [Item(b"k", "sha256:1", stamp), Item(b"l", "sha256:2", stamp)])
    assert list(journal.cached(proxy, "sha256")) == [(b"k", stamp, "sha256:1"), (b"l", stamp, "sha256:2")]
    assert list(journal.cached(proxy, "sha1")) == [], "a cached digest is one of the algorithm that is asked for"
    journal.forget(proxy, "sha256", [b"k"])
    assert [key for key, _, _ in journal.cached(proxy, "sha256")] == [b"l"]


def test_runs_and_what_is_unfinished(journal: Journal) -> None:
    assert journal.unfinished() is None
    keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
    assert journal.unfinished()["id"] == "r1"
    keep(journal, ev.RunFinished("r1", 2.0, "done", 0))
    assert journal.unfinished() is None
    keep(journal, ev.RunStarted("r2", 3.0, [["proxy"]]))
    keep(journal, ev.RunFinished("r2", 4.0, "failed", 143, interrupted=True))
    assert journal.unfinished()["id"] == "r2"
    keep(journal, ev.RunStarted("dry", 5.0, [["proxy"]], dry_run=True))
    assert journal.unfinished()["id"] == "r2", "a dry run changes nothing"
    journal.abandon("r2")
    assert journal.unfinished() is None
    assert find_run(journal, "r1")["exit_code"] == 0
    assert [type(event).__name__ for _, event in journal.events("r1")] == ["RunStarted", "RunFinished"]
    with pytest.raises(UsageError):
        find_run(journal, "zzz")


def test_the_count_of_a_master_outlives_an_empty_scan(journal: Journal, tmp_path: Path) -> None:
    keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
    keep(journal, ev.Scanned("master", 7, 70, 0, 70, 1.0, True))
    keep(journal, ev.Scanned("master", 0, 0, 0, 0, 1.0, True))
    assert journal.count(repository(tmp_path, "master")) == 7


def test_row_63_a_damaged_journal_is_set_aside(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "journal.sqlite").write_bytes(b"this is no database" * 100)
    made = Journal(state)
    with made.writing([]):
        assert made.runs() == []
    assert "damaged" in made.remarks()[0]
    (aside,) = state.glob("journal.sqlite.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")


def test_row_63_a_newer_journal_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "s").writing([]):
        pass
    db = sqlite3.connect(tmp_path / "s" / "journal.sqlite")
    db.execute("UPDATE meta SET value = '99'")
    db.commit()
    db.close()
    before = (tmp_path / "s" / "journal.sqlite").read_bytes()
    with pytest.raises(StateError, match="newer sshsync"), Journal(tmp_path / "s").writing([]):
        pass
    with pytest.raises(StateError, match="newer sshsync"):
        Journal(tmp_path / "s").runs()
    assert (tmp_path / "s" / "journal.sqlite").read_bytes() == before


def test_a_state_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    bad.chmod(0o777)
    with pytest.raises(StateError, match="others may write"):
        check_directory(bad)
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot make"):
        check_directory(tmp_path / "file" / "x")


def test_the_journal_is_no_symlink(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (state / "journal.sqlite").symlink_to(victim)
    with pytest.raises(StateError, match="no file of ours"), Journal(state).writing([]):
        pass
    with pytest.raises(StateError, match="no file of ours"):
        Journal(state).runs()
    assert victim.read_text() == "precious"


def test_row_60_one_lock_at_a_time_and_the_holder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with Lock(file):
        with pytest.raises(LockedError) as caught:
            Lock(file).__enter__()
        assert f"pid {os.getpid()}" in str(caught.value)
        assert caught.value.code == 8
    with Lock(file):
        assert json.loads(file.read_text())["pid"] == os.getpid()


def test_row_61_a_stale_lock_file_does_not_block(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    file.write_text('{"pid": 1, "host": "x", "since": "y"}')
    with Lock(file):
        pass


def test_who_holds_a_lock_is_known_by_file_system_and_inode() -> None:
    locks = "1: FLOCK  ADVISORY  WRITE 9817 fe:00:2180635 0 EOF\n2: POSIX  ADVISORY  WRITE 7 00:2b:9 0 EOF\n3: -> FLOCK  ADVISORY  WRITE 8 00:2c:9 0 EOF\n"
    assert held(locks, "fe:00", 2180635)
    assert not held(locks, "fe:01", 2180635)
    assert not held(locks, "fe:00", 635)
    assert not held(locks, "00:2b", 9), "a lock of another kind"
    assert not held("nonsense\n", "fe:00", 1)
    mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n35 22 0:43 / /tmp rw - tmpfs tmpfs rw\n"
    assert [device_of(mounts, number) for number in ("22", "35", "7")] == ["fe:00", "00:2b", None]


def test_a_lock_is_seen_by_others(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert Lock(file).holder() == ""
    with Lock(file):
        assert f"pid {os.getpid()}" in (Lock(file).holder() or "")
    assert Lock(file).holder() == ""


@pytest.mark.parametrize("kind", ["symlink", "directory", "fifo"])
def test_row_62_a_lock_path_that_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    file, victim = tmp_path / "lock", tmp_path / "victim"
    victim.write_text("precious")
    if kind == "symlink":
        file.symlink_to(victim)
    elif kind == "directory":
        file.mkdir()
    else:
        os.mkfifo(file)
    with pytest.raises(StateError):
        Lock(file).__enter__()
    assert victim.read_text() == "precious"


def key(text: str = "one", kind: str = "ssh-ed25519") -> HostKey:
    return HostKey(kind, text.encode())


def hashed(name: str) -> str:
    salt = b"0123456789abcdef0123"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("line", "address", "port", "found"),
    [
        ("h {key}", "h", 22, True),
        ("a,h,b {key}", "h", 22, True),
        ("H {key}", "h", 22, True),
        ("[h]:2222 {key}", "h", 2222, True),
        ("[h]:2222 {key}", "h", 22, False),
        ("*.example {key}", "x.example", 22, True),
        ("*.example,!x.example {key}", "x.example", 22, False),
        ("10.0.0.? {key}", "10.0.0.7", 22, True),
        ("  h    {key}   a comment", "h", 22, True),
        (hashed("h") + " {key}", "h", 22, True),
        (hashed("[h]:2222") + " {key}", "h", 2222, True),
        (hashed("other") + " {key}", "h", 22, False),
        ("|1|bad {key}", "h", 22, False),
        ("# h {key}", "h", 22, False),
        ("@cert-authority h {key}", "h", 22, False),
        ("h ssh-ed25519", "h", 22, False),
        ("h ssh-ed25519 !!!notbase64", "h", 22, False),
        ("", "h", 22, False),
    ],
)
def test_row_28_known_hosts_lines(tmp_path: Path, line: str, address: str, port: int, found: bool) -> None:
    file = tmp_path / "known"
    file.write_text("@garbage\nnonsense\n" + line.format(key=key().line) + "\n")
    known = look_up([tmp_path / "absent", file], address, port)
    assert bool(known.keys) is found
    assert known.warnings


def test_rows_27_and_28_a_revoked_key_refuses_even_when_it_is_known(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(f"h {key().line}\n@revoked * {key().line}\n")
    with pytest.raises(HostKeyError, match="revoked"):
        check(key(), look_up([file], "h", 22), "", "h", "")


def test_unknown_changed_and_pinned_keys(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(f"h {key('one').line}\n")
    known = look_up([file], "h", 22)
    check(key("one"), known, "", "h", "")
    with pytest.raises(HostKeyError, match="CHANGED"):
        check(key("two"), known, "", "h", "")
    with pytest.raises(HostKeyError, match="is unknown"):
        check(key("one"), look_up([], "h", 22), "", "h", "trust it")
    check(key("two"), known, key("two").fingerprint, "h", "")
    check(key("two"), known, key("two").line, "h", "")
    with pytest.raises(HostKeyError, match="pins"):
        check(key("one"), known, key("two").fingerprint, "h", "")


def test_recording_a_key(tmp_path: Path) -> None:
    file = tmp_path / "state" / "known_hosts"
    known_hosts.record(file, "h", 2222, key())
    assert look_up([file], "h", 2222).keys == [key()]
    assert file.stat().st_mode & 0o777 == 0o600
    assert look_up([file], "h", 2222).types == ("ssh-ed25519",)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("H,other,[h]:23 {key} mine\n", "other,[h]:23 {key} mine\n"),
        ("{hashed} {key}\n", ""),
        ("* {key}\n", "* {key}\n"),
        ("@revoked h {key}\n", "@revoked h {key}\n"),
        ("# h {key}\n", "# h {key}\n"),
        ("[h]:23 {key}\n", "[h]:23 {key}\n"),
        ("h nonsense\n", ""),
        ("\n \nother {key} \udcff\r\nh {key}", "\n \nother {key} \udcff\r\n"),
    ],
)
def test_a_host_is_taken_out_of_a_file_and_nobody_else(tmp_path: Path, line: str, left: str) -> None:
    file = tmp_path / "known"
    salt = b"s" * 20
    hashed = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(hmac.new(salt, b'h', hashlib.sha1).digest()).decode()}"
    text = f"h {key().line}\n" + line.format(key=key().line, hashed=hashed)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert known_hosts.forget(file, "h", 22)[0] == key().fingerprint
    assert file.read_bytes() == left.format(key=key().line).encode("utf-8", "surrogateescape")
    assert known_hosts.forget(file, "h", 22) == []
    assert known_hosts.forget(tmp_path / "absent", "h", 22) == []


def test_an_unreadable_known_hosts_file_does_not_fail_open(tmp_path: Path) -> None:
    with pytest.raises(HostKeyError, match="cannot read"):
        look_up([tmp_path], "h", 22)


def test_row_29_secret_files_must_be_private(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\nrest\n")
    file.chmod(0o644)
    with pytest.raises(StateError, match="chmod 600"):
        read_password(file)
    file.chmod(0o600)
    assert read_password(file) == "hunter2"
    with pytest.raises(StateError, match="No such file"):
        check_mode(tmp_path / "absent", "key file")
    with pytest.raises(StateError, match="no private key"):
        load_key(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="a credential belongs to root")
def test_a_credential_of_systemd_may_show_a_group_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("x")
    file.chmod(0o440)
    with pytest.raises(StateError, match="open to others"):
        check_mode(file, "key file")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    check_mode(file, "key file")
    for mode in (0o444, 0o460):
        file.chmod(mode)
        with pytest.raises(StateError, match="open to others"):
            check_mode(file, "key file")


def test_transient_errors_are_tried_again_and_told() -> None:
    tries, told = [], []

    def operation() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionLostError("lost")
        return "done"

    assert retry(operation, QUICK, Stop(), notify=lambda n, why, wait: told.append((n, why))) == "done"
    assert told == [(1, "lost"), (2, "lost")]


def test_row_98_tries_are_used_up_unless_there_is_progress() -> None:
    tries = []

    def operation() -> None:
        tries.append(1)
        raise ConnectionLostError("lost")

    with pytest.raises(ConnectionLostError):
        retry(operation, QUICK, Stop())
    assert len(tries) == 4
    tries.clear()
    with pytest.raises(ConnectionLostError):
        retry(operation, QUICK, Stop(), progress=lambda: min(len(tries), 10))
    assert len(tries) == 13


@pytest.mark.parametrize("error", [HostKeyError("no"), TypeError("bug"), StateError("full")])
def test_permanent_errors_and_bugs_are_not_tried_again(error: Exception) -> None:
    tries = []

    def operation() -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        retry(operation, QUICK, Stop())
    assert len(tries) == 1


def test_a_signal_ends_waiting() -> None:
    stop = Stop()

    def operation() -> None:
        stop.set(15)
        raise ConnectError("no")

    with pytest.raises(InterruptedRun) as caught:
        retry(operation, Retries(transient=5, first_wait=60), stop)
    assert caught.value.code == 143


def test_an_unreachable_host_is_given_up_by_time() -> None:
    tries = []

    def operation() -> None:
        tries.append(1)
        raise ConnectError("no")

    with pytest.raises(ConnectError):
        retry(operation, Retries(transient=50, first_wait=0.01, longest_wait=0.01, unreachable=0.05), Stop())
    assert 2 <= len(tries) < 20


def test_the_watch_strikes_from_outside() -> None:
    struck = threading.Event()
    watch = Deadlines(struck.set)
    with watch.limit(0.01):
        assert struck.wait(5)
    assert watch.stalled


def test_the_watch_leaves_what_is_in_time_alone() -> None:
    struck = threading.Event()
    watch = Deadlines(struck.set)
    with watch.limit(30):
        pass
    watch.stop()
    assert not struck.is_set()


def test_row_94_the_log_holds_one_escaped_line_an_event(tmp_path: Path) -> None:
    file = tmp_path / "log"
    sink = FanOut([folding := Folding(), Logging(logs.to_file(file, "debug"), folding.report)])
    sink(ev.RunStarted("r1", 1.0, [["a"]]))
    sink(ev.Published("a", [("evil\n\x1b[31m\udcff", "sha256:1", 5)], 5))
    sink(ev.ItemFailed("a", "x\ny", "why\x9b"))
    sink(ev.RepositoryFinished("a", "failed", 1.0, error="bad"))
    sink(ev.Deleted("a", ["gone"]))
    sink(ev.Progress("a", 1))
    sink(ev.Verified("a", []))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["event"] for line in lines] == [
        "run started", "file published", "item failed", "repository finished", "file deleted",
    ]  # fmt: skip
    assert all(line["run"] == "r1" for line in lines)
    sink(ev.RepositoryStarted("p", "m", "package", "packages", "install", "installed"))
    sink(ev.Published("p", [("bash", "5", 5)], 5))
    assert json.loads(file.read_text().splitlines()[-1])["event"] == "package published"
    assert lines[1]["item"] == "evil\\n\\x1b[31m\\xff"
    assert [line["level"] for line in lines] == ["info", "debug", "warning", "error", "debug"]
    file.rename(tmp_path / "log.1")
    sink(ev.Remarked("a", "after rotation"))
    assert "after rotation" in file.read_text()


def test_a_log_of_words_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "log"
    sink = FanOut([folding := Folding(), Logging(logs.to_file(file, "info", "logfmt"), folding.report)])
    sink(ev.RunStarted("r1", 1.0, [["a"]]))
    sink(ev.Published("a", [("f", "sha256:1", 5)], 5))
    sink(ev.ItemFailed("a", "odd = \"name\"", "line\nfeed"))
    sink(ev.RepositoryFinished("a", "partial", 1.0))
    lines = [shlex.split(line) for line in file.read_text().splitlines()]
    assert [dict(word.split("=", 1) for word in line)["event"] for line in lines] == ["run started", "item failed", "repository finished"]
    failed, ended = (dict(word.split("=", 1) for word in line) for line in lines[1:])
    assert (failed["run"], failed["repository"], failed["item"], failed["level"]) == ("r1", "a", "odd = \"name\"", "warning")
    assert (ended["copied"], ended["failed"], ended["outcome"]) == ("1", "1", "partial")
    assert all(line[0].startswith("at=20") for line in lines)


def test_the_console_shows_lines_by_level(capsys: pytest.CaptureFixture[str]) -> None:
    from sshsync.cli.display import Lines

    sink = Lines(logs.to_console("info"))
    sink(ev.RunStarted("r1", 1.0, [["a", "b"], ["c"]]))
    sink(ev.Planned("a", 1, 0, 0, 2, 5, 100))
    sink(ev.Planned("a", 0, 0, 3, 2, 5, 0))
    sink(ev.PlannedChange("a", "replace", "x", 7))
    sink(ev.PlannedChange("a", "delete", "x", 0))
    sink(ev.Published("a", [("hid\nden", "d", 1)], 1))
    sink(ev.Remarked("a", "mind this"))
    sink(ev.RepositoryFinished("a", "failed", 1.0, error="it broke"))
    Lines(logs.to_console("debug"))(ev.Published("a", [("shown\n", "d", 1)], 1))
    assert capsys.readouterr().err.splitlines() == [
        "run r1 started: a, b  then  c",
        "a: 1 to copy (100 B), 2 to delete, 5 unchanged",
        "a: 3 to adjust, 2 to delete, 5 unchanged",
        "a: would replace x (7 B)",
        "a: would delete x",
        "warning: a: note: mind this",
        "error: a: failed in 1.0 s: it broke",
        "a: published shown\\n (1 B)",
    ]


def test_row_93_the_log_must_be_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot write the log"):
        logs.to_file(tmp_path / "file" / "log", "info")
