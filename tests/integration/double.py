"""An SSH server in this process that answers every command: for what a real one does not let itself be told to do."""

import queue
import socket
import threading
import time

import paramiko
from paramiko.packet import Packetizer

from sshsync.hosts.session import Session
from sshsync.model.topology import Host, Login
from sshsync.transports import ssh, ssh_greeting
from sshsync.transports.dialing import dial
from sshsync.transports.ssh import SshTransport
from sshsync.transports.trust import Trust
from tests import values

BEGINS = 0.05
"""Seconds until a command answers: Paramiko tells that it begins once it was taken."""


class Double(paramiko.ServerInterface):
    """What the server does; a test overrides what it wants otherwise.

    Attributes:
        heard: takes the kind of each message that came.
    """

    def __init__(self) -> None:
        self.heard: queue.SimpleQueue[int] = queue.SimpleQueue()

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Timer(BEGINS, self._answer, (channel, command)).start()
        return True

    def greeted(self, transport: paramiko.Transport) -> None:
        """Do something once a client has logged in."""

    @staticmethod
    def _answer(channel: paramiko.Channel, command: bytes) -> None:
        token = command.split(b"TOKEN=")[1][:32]
        channel.sendall(token + b" begin\nhello\n" + token + b" end 0\n")
        channel.send_exit_status(0)
        channel.close()


class Doubles:
    """Makes sessions to such servers."""

    def __init__(self) -> None:
        self._key = paramiko.ECDSAKey.generate()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._made: list[Session] = []

    def __call__(self, rules: Double) -> Session:
        """Return a session to a server that does what is given."""
        host = self.host(rules)
        self._made.append(Session(SshTransport(host, Trust(()), lambda: dial(host.address, host.port, 5)), 5))
        return self._made[-1]

    def host(self, rules: Double, user: str = "x") -> Host:
        """Return a host that does what is given with the one connection that is made to it next."""
        threading.Thread(target=self._serve, args=(rules,), daemon=True).start()
        pin = ssh.HostKey(self._key.get_name(), self._key.asbytes()).fingerprint
        return values.host("127.0.0.1", self._listener.getsockname()[1], Login(user, password="x", host_key=pin), timeout=5)

    def _serve(self, rules: Double) -> None:
        class Hearing(Packetizer):
            def read_message(self) -> tuple[int, paramiko.Message]:
                kind, message = super().read_message()
                rules.heard.put(kind)
                return kind, message

        connection, _ = self._listener.accept()
        transport = paramiko.Transport(connection, packetizer_class=Hearing)
        transport.set_log_channel(ssh_greeting.LOG)
        transport.add_server_key(self._key)
        transport.start_server(server=rules)
        while not transport.is_authenticated():
            time.sleep(0.01)
        rules.greeted(transport)
        kept = []
        while transport.is_active():
            kept.append(transport.accept(0.1))  # who forgets a channel of Paramiko closes it

    def close(self) -> None:
        for one in self._made:
            one.close()
        self._listener.close()
