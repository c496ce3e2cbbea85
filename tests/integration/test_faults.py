"""What goes wrong between hosts: each wait has an end, each error names the host and is of the right class."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from sshsync.errors import AuthenticationError, ConnectError, ConnectionLostError, DeadlineError, HostError, StateError
from sshsync.hosts.session import Session
from sshsync.model.topology import Host, Login
from sshsync.remote import encode, scripts
from sshsync.remote.frame import MOST_ANSWER
from sshsync.remote.scripts import Command, Script
from sshsync.transports import ssh, ssh_greeting
from sshsync.transports.dialing import dial
from sshsync.transports.ssh import SshTransport
from sshsync.transports.trust import Trust
from tests import values
from tests.integration.conftest import Site
from tests.sshd import Sshd

pytestmark = pytest.mark.integration

SLEEP = Script("sleep", "main() { sleep 60; }\n")
ENDLESS = Script("endless", "main() { yes; }\n")
COMPLAIN = Script("complain", 'main() { head -c 3000000 /dev/zero | tr "\\000" x >&2; echo done; }\n')
TRICKLE = Script("trickle", "main() { while :; do echo x; sleep 0.2; done; }\n")
KILLED = Script("killed", "main() { kill -9 $$; }\n")
EXITS = Script("exits", "main() { exit 0; }\n")


def host(port: int, timeout: float = 2.0, **login: str) -> Host:
    return values.host("127.0.0.1", port, Login(login.pop("user", "x"), **login), timeout=timeout)


def connect(where: Host, files: tuple[Path, ...] = ()) -> SshTransport:
    return SshTransport(where, Trust(files), lambda: dial(where.address, where.port, 2))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[tuple[Session, Sshd]]:
    server = Sshd(tmp_path, "sshd")
    (tmp_path / "known").write_text(server.known + "\n")
    where = host(server.port, user=server.user, key_file=str(server.key))
    made = Session(connect(where, (tmp_path / "known",)), where.timeout)
    yield made, server
    made.close()
    server.stop()


class Talker:
    """A TCP server that does one thing with each connection."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.count = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._talk(connection)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # else the waiting accept takes one more, perhaps of another's port
        self._listener.close()


def silent(connection: socket.socket) -> None:
    connection.recv(1 << 20)
    connection.recv(1 << 20)


def endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"welcome to this host\r\n" * 100)
        time.sleep(0.01)


@pytest.mark.parametrize("talk", [silent, endless, lambda connection: None, lambda c: c.sendall(b"HTTP/1.0 400\r\n\r\n")])
def test_what_is_no_ssh_server_is_given_up_in_time(talk: Callable[[socket.socket], None]) -> None:
    server = Talker(talk)
    began = time.monotonic()
    with pytest.raises(ConnectError) as caught:
        connect(host(server.port))
    server.close()
    assert time.monotonic() - began < 10
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "SSH greeting" in str(caught.value)


def test_refused_and_unknown_addresses() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError, match="cannot connect"):
            connect(host(probe.getsockname()[1]))
    with pytest.raises(HostError, match="address is not known"):
        dial("no-such-host.invalid", 22, 2)


def test_a_silent_command_meets_its_deadline(session) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError) as caught:
        session[0].run(Command(SLEEP))
    assert time.monotonic() - began < 8
    assert caught.value.transient
    assert session[0].run(Command(scripts.PROBE)).status == 0, "the connection is still good"


def test_a_frozen_host_meets_the_deadline_and_its_connection_is_given_up(session) -> None:
    made, server = session
    server.signal_sessions(signal.SIGSTOP)
    try:
        with pytest.raises(ConnectionLostError, match="stands still"):
            made.run(Command(scripts.PROBE))
        assert not made.alive
    finally:
        server.signal_sessions(signal.SIGCONT)


def test_a_trickle_is_not_progress(session, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = session
    with made.connected() as transport:
        slow = Session(transport, 0.8)
    began = time.monotonic()
    with pytest.raises(DeadlineError, match="less than"):
        slow.run(Command(TRICKLE))
    assert time.monotonic() - began < 60


def test_row_15_three_megabytes_of_complaints_do_not_block(session) -> None:
    reply = session[0].run(Command(COMPLAIN))
    assert reply.payload == b"done\n"
    assert reply.errors.endswith(b"\n... and more")
    assert len(reply.errors) < 8300


def test_row_16_an_endless_answer_is_cut(session) -> None:
    with pytest.raises(HostError, match="answers without end"):
        session[0].run(Command(ENDLESS))
    assert MOST_ANSWER < 1 << 30


@pytest.mark.parametrize("script", [KILLED, EXITS], ids=lambda script: script.name)
def test_a_command_that_was_killed_has_no_result(session, script: Script) -> None:
    with pytest.raises(ConnectionLostError, match="without a result"):
        session[0].run(Command(script))


def test_a_lost_connection_is_noticed_at_once(session) -> None:
    made, server = session
    timer = threading.Timer(0.3, server.drop_sessions)
    timer.start()
    with pytest.raises(ConnectionLostError):
        made.run(Command(SLEEP), allow=60)
    assert not made.alive


def test_leaving_a_conversation_whose_connection_just_broke_raises_nothing(tmp_path: Path) -> None:
    server = Sshd(tmp_path, "sshd")
    (tmp_path / "known").write_text(server.known + "\n")
    where = host(server.port, user=server.user, key_file=str(server.key))
    for _ in range(10):
        sockets: list[socket.socket] = []

        def kept(sockets: list[socket.socket] = sockets) -> socket.socket:
            sockets.append(dial(where.address, where.port, 2))
            return sockets[0]

        made = Session(SshTransport(where, Trust((tmp_path / "known",)), kept), 2)
        with made.start(Command(SLEEP)):
            sockets[0].shutdown(socket.SHUT_WR)
        made.close()
    server.stop()


def test_fewer_channels_than_asked_for_is_temporary(tmp_path: Path) -> None:
    server = Sshd(tmp_path, "sshd", "MaxSessions 1")
    (tmp_path / "known").write_text(server.known + "\n")
    made = Session(connect(host(server.port, user=server.user, key_file=str(server.key)), (tmp_path / "known",)), 2)
    with made.start(Command(SLEEP)), pytest.raises(ConnectionLostError) as caught:
        made.run(Command(scripts.PROBE))
    assert caught.value.transient
    made.close()
    server.stop()


def test_a_thousand_megabytes_through_one_connection(session, tmp_path: Path) -> None:
    """Beyond the volume at which Paramiko would start a key exchange of its own."""
    made, _ = session
    big = tmp_path / "big"
    with big.open("wb") as out:
        out.truncate(700_000_000)
    command = Command(scripts.READ, {"ROOT": os.fsencode(tmp_path)})
    for _ in range(2):
        with made.start(command, encode.lines([b"big"])) as conversation:
            assert sum(map(len, conversation.pieces())) == 700_000_000


class Passwords(paramiko.ServerInterface):
    """A server double that takes one password and counts the attempts."""

    def __init__(self) -> None:
        self.attempts: list[str] = []

    allowed = "password"

    def get_allowed_auths(self, username: str) -> str:
        return self.allowed

    def check_auth_interactive(self, username: str, submethods: str) -> object:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return self.check_auth_password("", responses[0])

    def check_auth_password(self, username: str, password: str) -> int:
        self.attempts.append(password)
        return 0 if password == "right" else 2  # AUTH_SUCCESSFUL, AUTH_FAILED


@pytest.fixture
def password_server(tmp_path: Path) -> Iterator[tuple[int, Passwords, str]]:
    key = paramiko.ECDSAKey.generate()
    rules = Passwords()

    def talk(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.set_log_channel(ssh_greeting.LOG)
        transport.add_server_key(key)
        # A client that is done before this thread has seen the end of the greeting makes Paramiko raise here.
        with contextlib.suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=rules)
        while transport.is_active():
            time.sleep(0.05)

    server = Talker(talk)
    yield server.port, rules, ssh.HostKey(key.get_name(), key.asbytes()).fingerprint
    server.close()


def test_the_password_of_a_file_logs_in(password_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    port, rules, pin = password_server
    file = tmp_path / "password"
    file.write_text("right\n")
    file.chmod(0o600)
    connect(host(port, host_key=pin, password_file=str(file))).close()
    assert rules.attempts == ["right"]


def test_a_wrong_password_is_tried_once(password_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    port, rules, pin = password_server
    with pytest.raises(AuthenticationError) as caught:
        connect(host(port, host_key=pin, password="wrong-secret"))
    assert rules.attempts == ["wrong-secret"]
    assert "wrong-secret" not in str(caught.value)
    assert "offered: password" in str(caught.value)


def test_keyboard_interactive_takes_the_password_too(password_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    port, rules, pin = password_server
    rules.allowed = "keyboard-interactive"
    connect(host(port, host_key=pin, password="right")).close()
    assert rules.attempts == ["right"]


def test_the_password_of_a_command_logs_in(password_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    port, rules, pin = password_server
    connect(host(port, host_key=pin, password_command="printf 'right\\nnoise'")).close()
    assert rules.attempts == ["right"]
    for command, words in (("false", "failed"), ("true", "printed nothing"), ("no-such-program", "failed"), ("'", "failed")):
        with pytest.raises(StateError, match=f"password_command {words}"):
            connect(host(port, host_key=pin, password_command=command))


def test_a_key_with_a_passphrase_and_one_of_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Sshd(tmp_path, "sshd")
    (tmp_path / "known").write_text(server.known + "\n")
    for name in ("locked", "agents"):
        phrase = "open sesame" if name == "locked" else ""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(tmp_path / name)], check=True)
        with (server.home / "authorized").open("a") as out:
            out.write((tmp_path / f"{name}.pub").read_text())
    files = (tmp_path / "known",)
    key = str(tmp_path / "locked")
    connect(host(server.port, user=server.user, key_file=key, key_passphrase_command="echo open sesame"), files).close()
    with pytest.raises(StateError, match="does not open with the passphrase"):
        connect(host(server.port, user=server.user, key_file=key, key_passphrase_command="echo wrong"), files)
    socket_ = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket_)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket_))
    try:
        while not socket_.exists():
            assert agent.poll() is None
        subprocess.run(["ssh-add", "-q", str(tmp_path / "agents")], check=True, capture_output=True)
        asked = Login(server.user, agent=True)
        connect(values.host("127.0.0.1", server.port, asked, timeout=5), files).close()
        with pytest.raises(AuthenticationError, match="nothing: there is no usable key"):
            connect(host(server.port, user=server.user), files)
        (tmp_path / ".ssh").mkdir()
        shutil.copy(key, tmp_path / ".ssh" / "id_ed25519")
        with pytest.raises(AuthenticationError, match="id_ed25519 is encrypted"):
            connect(host(server.port, user=server.user), files)
    finally:
        agent.terminate()
        agent.wait()
        server.stop()


class Cut(paramiko.ServerInterface):
    """A server double whose connection ends in the middle of a login, without a word."""

    line: socket.socket

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.line.shutdown(socket.SHUT_RDWR)
        return paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        return self.check_auth_publickey(username, paramiko.PKey())


def test_a_login_that_is_cut_is_tried_again_one_that_is_ended_with_words_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password may count as wrong there even if no answer came: it is never sent twice."""
    monkeypatch.setenv("HOME", str(tmp_path))
    key = paramiko.ECDSAKey.generate()

    def talk(connection: socket.socket) -> None:
        rules = Cut()
        rules.line = connection
        transport = paramiko.Transport(connection)
        transport.add_server_key(key)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=rules)
        transport.join()

    cut = Talker(talk)
    strict = Sshd(tmp_path, "sshd", "MaxAuthTries 1")
    (tmp_path / "known").write_text(strict.known + "\n")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    pin = ssh.HostKey(key.get_name(), key.asbytes()).fingerprint
    try:
        with pytest.raises(ConnectionLostError, match="closed the connection during the login .*may be barred there"):
            connect(host(cut.port, key_file=str(strict.key), host_key=pin))
        with pytest.raises(AuthenticationError, match="closed the connection during the login"):
            connect(host(cut.port, password="x", host_key=pin))
        with pytest.raises(AuthenticationError, match="closed the connection during the login: Too many authentication failures"):
            connect(host(strict.port, user=strict.user, key_file=str(tmp_path / "other")), (tmp_path / "known",))
    finally:
        cut.close()
        strict.stop()


class NoText(paramiko.ServerInterface):
    """A server double that answers each login with a message whose words are no text."""

    def __init__(self, message: paramiko.Message) -> None:
        self.message = message
        self.transport: paramiko.Transport

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.transport.packetizer.send_message(self.message)  # no server says that of itself
        return paramiko.AUTH_FAILED


def message(kind: bytes, *parts: int | bytes) -> paramiko.Message:
    made = paramiko.Message()
    made.add_byte(kind)
    for part in parts:
        made.add_int(part) if isinstance(part, int) else made.add_string(part)
    return made


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (message(paramiko.common.cMSG_DISCONNECT, 2, b"go\xff \x1b[31maway", b""), AuthenticationError, r"closed the connection during the login: go\S+ \\x1b\[31maway"),
        (message(paramiko.common.cMSG_GLOBAL_REQUEST, b"\xff"), ConnectionLostError, "the login broke off: it sent bytes that are no text"),
    ],
    ids=["farewell", "request"],
)
def test_what_a_host_says_in_a_login_may_be_any_bytes(tmp_path: Path, said: paramiko.Message, error: type[HostError], words: str) -> None:
    key = paramiko.ECDSAKey.generate()

    def talk(connection: socket.socket) -> None:
        rules = NoText(said)
        rules.transport = paramiko.Transport(connection)
        rules.transport.add_server_key(key)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            rules.transport.start_server(server=rules)
        rules.transport.join()

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")], check=True)
    server = Talker(talk)
    try:
        with pytest.raises(error, match=words):
            connect(host(server.port, key_file=str(tmp_path / "id"), host_key=ssh.HostKey(key.get_name(), key.asbytes()).fingerprint))
    finally:
        server.close()


def test_row_96_connections_leave_nothing_behind(tmp_path: Path) -> None:
    server = Sshd(tmp_path, "sshd")
    (tmp_path / "known").write_text(server.known + "\n")
    good = host(server.port, user=server.user, key_file=str(server.key))
    other = Sshd(tmp_path, "other")
    other.stop()
    bad = host(server.port, user=server.user, key_file=str(other.key))
    connect(good, (tmp_path / "known",)).close()
    deadline = time.monotonic() + 20
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(15):
        connect(good, (tmp_path / "known",)).close()
        with pytest.raises(HostError):
            connect(bad, (tmp_path / "known",))
    while time.monotonic() < deadline:
        after = threading.active_count(), len(os.listdir("/proc/self/fd"))
        if after[0] <= before[0] and after[1] <= before[1]:
            break
        time.sleep(0.1)
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    server.stop()


def test_many_children_of_one_host_do_not_wait_for_each_other_forever(site: Site) -> None:
    server = site.server("host")
    site.fill("m", {f"f{n}": os.urandom(2_000_000) for n in range(3)})
    text = f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}"
    names = [f"c{n}" for n in range(12)]
    for name in names:
        text += f"[{name}]\nparent = m\n{server.section(path=site.root(name))}"
    site.write(text)
    found = site.summary("--sync", ",".join(names))
    assert found["exit_code"] == 0, found
    site.same("m", *names)


def test_commands_that_end_while_their_input_ends_leave_the_connection_alone(session) -> None:
    """An end of file after a channel's end is what OpenSSH closes the whole connection for."""
    made, _ = session
    wrong: list[Exception] = []

    def work() -> None:
        for _ in range(60):
            try:
                assert made.run(Command(scripts.NOTHING)).status == 0
            except (HostError, AssertionError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
