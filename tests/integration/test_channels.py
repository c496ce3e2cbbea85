"""What is said to a server so that nobody waits for it: by server doubles that take note of it."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko import common
from paramiko.packet import Packetizer

from sshsync.hosts.session import Session
from sshsync.model.topology import Login
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transports import ssh, ssh_greeting
from sshsync.transports.dialing import dial
from sshsync.transports.ssh import SshTransport
from sshsync.transports.ssh_ahead import FAR
from sshsync.transports.trust import Trust
from tests import values

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


class Server(paramiko.ServerInterface):
    """A server double that answers every command.

    Args:
        late: seconds until it answers whether it opens a channel.
        refused: the number of the channel that it does not open.
        told: it says something unasked after the login.

    Attributes:
        asked: takes whether a channel was opened, for each that was asked for.
        heard: takes the kind of each message that came.
    """

    def __init__(self, late: float = FAR, *, refused: int = 0, told: bool = False) -> None:
        self._late, self._refused = late, refused
        self._number = 0
        self.told = told
        self.asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.heard: queue.SimpleQueue[int] = queue.SimpleQueue()

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        time.sleep(self._late)  # the way of the question
        self._number += 1
        opens = self._number != self._refused
        self.asked.put(opens)
        return paramiko.OPEN_SUCCEEDED if opens else paramiko.OPEN_FAILED_RESOURCE_SHORTAGE

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        # Paramiko tells that it begins once this has returned.
        threading.Timer(0.05, self._answer, (channel, command)).start()
        return True

    @staticmethod
    def _answer(channel: paramiko.Channel, command: bytes) -> None:
        token = command.split(b"TOKEN=")[1][:32]
        channel.sendall(token + b" begin\nhello\n" + token + b" end 0\n")
        channel.send_exit_status(0)
        channel.close()


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Server], Session]]:
    monkeypatch.setenv("HOME", str(tmp_path))
    key = paramiko.ECDSAKey.generate()
    pin = ssh.HostKey(key.get_name(), key.asbytes()).fingerprint
    made: list[Session] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def session(rules: Server) -> Session:
        class Hearing(Packetizer):
            def read_message(self) -> tuple[int, paramiko.Message]:
                kind, message = super().read_message()
                rules.heard.put(kind)
                return kind, message

        def serve() -> None:
            connection, _ = listener.accept()
            transport = paramiko.Transport(connection, packetizer_class=Hearing)
            transport.set_log_channel(ssh_greeting.LOG)
            transport.add_server_key(key)
            transport.start_server(server=rules)
            while not transport.is_authenticated():
                time.sleep(0.01)
            if rules.told:
                transport.global_request("hostkeys-00@openssh.com", wait=False)
            kept = []
            while transport.is_active():
                kept.append(transport.accept(0.1))  # who forgets a channel of Paramiko closes it

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        host = values.host("127.0.0.1", port, Login("x", password="x", host_key=pin), timeout=5)
        made.append(Session(SshTransport(host, Trust(()), lambda: dial("127.0.0.1", port, 5)), 5))
        return made[-1]

    yield session
    for one in made:
        one.close()
    listener.close()


def test_the_channel_of_the_next_command_is_opened_while_one_begins(login) -> None:
    server = Server()
    session = login(server)
    for _ in range(3):
        assert session.run(Command(scripts.NOTHING)).payload == b"hello"
        assert server.asked.get(timeout=10), "the one that the command took, or was opened before"
    assert server.asked.get(timeout=10), "one more than there were commands"
    assert server.asked.empty()


def test_a_host_that_opens_no_channel_more_is_asked_once(login) -> None:
    server = Server(refused=2)
    session = login(server)
    assert session.run(Command(scripts.NOTHING)).payload == b"hello"
    assert [server.asked.get(timeout=10) for _ in range(2)] == [True, False]
    for _ in range(3):
        assert session.run(Command(scripts.NOTHING)).payload == b"hello"
    assert server.asked.qsize() == 3


def test_the_first_thing_that_a_host_says_unasked_is_answered(login) -> None:
    """Else its system holds back what it says next, until ours acknowledges what nobody answers."""
    server = Server(told=True)
    login(server)
    while server.heard.get(timeout=10) != common.MSG_IGNORE:
        pass
