"""What is said to a server so that nobody waits for it: by server doubles that take note of it."""

import queue
import threading
import time

import paramiko
import pytest
from paramiko import common

from sshsync.hosts.pool import Pool
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transports.ssh import SshTransport
from sshsync.transports.ssh_ahead import FAR
from sshsync.transports.trust import Trust
from tests.integration.double import Double, Doubles

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


class Server(Double):
    """A server double that is far.

    Args:
        late: seconds until it answers whether it opens a channel.
        refused: the number of the channel that it does not open.
        told: it says something unasked after the login.

    Attributes:
        asked: takes whether a channel was opened, for each that was asked for.
    """

    def __init__(self, late: float = FAR, *, refused: int = 0, told: bool = False) -> None:
        super().__init__()
        self._late, self._refused, self._told = late, refused, told
        self._number = 0
        self.asked: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def check_channel_request(self, kind: str, chanid: int) -> int:
        time.sleep(self._late)  # the way of the question
        self._number += 1
        opens = self._number != self._refused
        self.asked.put(opens)
        return paramiko.OPEN_SUCCEEDED if opens else paramiko.OPEN_FAILED_RESOURCE_SHORTAGE

    def greeted(self, transport: paramiko.Transport) -> None:
        self.transport = transport
        if self._told:
            transport.global_request("hostkeys-00@openssh.com", wait=False)


def test_the_channel_of_the_next_command_is_opened_while_one_begins(doubles: Doubles) -> None:
    server = Server()
    session = doubles(server)
    for _ in range(3):
        assert session.run(Command(scripts.NOTHING)).payload == b"hello"
        assert server.asked.get(timeout=10), "the one that the command took, or was opened before"
    assert server.asked.get(timeout=10), "one more than there were commands"
    assert server.asked.empty()


def test_a_host_that_opens_no_channel_more_is_asked_once(doubles: Doubles) -> None:
    server = Server(refused=2)
    session = doubles(server)
    assert session.run(Command(scripts.NOTHING)).payload == b"hello"
    assert [server.asked.get(timeout=10) for _ in range(2)] == [True, False]
    for _ in range(3):
        assert session.run(Command(scripts.NOTHING)).payload == b"hello"
    assert server.asked.qsize() == 3


def test_the_first_thing_that_a_host_says_unasked_is_answered(doubles: Doubles) -> None:
    """Else its system holds back what it says next, until ours acknowledges what nobody answers."""
    server = Server(told=True)
    doubles(server)
    while server.heard.get(timeout=10) != common.MSG_IGNORE:
        pass


def test_many_far_hosts_have_no_more_spare_channels_than_connections_that_stay(doubles: Doubles) -> None:
    most, now, servers = 3, [0.0], [Server() for _ in range(12)]
    pool = Pool({"ssh": lambda host, way: SshTransport(host, Trust(()), way)}, most_idle=most, clock=lambda: now[0])
    try:
        for number, server in enumerate(servers):
            now[0] += 60
            session = pool.session(doubles.host(server, f"user{number}"))
            for _ in range(3):
                assert session.run(Command(scripts.NOTHING)).payload == b"hello"
            for _ in range(4):
                assert server.asked.get(timeout=10), "one for each command, and one to spare"
            assert server.asked.empty()
        until = time.monotonic() + 10
        while sum(server.transport.is_active() for server in servers) > most and time.monotonic() < until:
            time.sleep(0.02)
        assert [server.transport.is_active() for server in servers] == [False] * (len(servers) - most) + [True] * most
        assert not [thread for thread in threading.enumerate() if thread.name == "sshsync-open"]
    finally:
        pool.close()
