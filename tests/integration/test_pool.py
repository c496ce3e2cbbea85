"""Connections that are given back and made anew, over real sshd."""

from dataclasses import replace
from pathlib import Path

import pytest

from sshsync.hosts.pool import Pool
from sshsync.model.policy import TransportKind
from sshsync.model.topology import Host, Login
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transports.ssh import SshTransport
from sshsync.transports.trust import Trust
from tests import values
from tests.sshd import Sshd

pytestmark = pytest.mark.integration


def test_connections_are_given_back_and_made_anew_also_through_a_jump_host(tmp_path: Path) -> None:
    server, now, made = Sshd(tmp_path, "sshd"), [0.0], []
    known = tmp_path / "known"
    known.write_text(server.known + "\n")
    jump = values.host("127.0.0.1", server.port, Login(server.user, key_file=str(server.key)))
    direct = [replace(jump, timeout=timeout) for timeout in (50.0, 51.0, 52.0)]
    behind = replace(jump, via=jump)

    def connect(host: Host, dial) -> SshTransport:
        made.append((host, SshTransport(host, Trust((known,)), dial)))
        return made[-1][1]

    def live() -> list[Host]:
        return [host for host, transport in made if transport.alive]

    pool = Pool({TransportKind.SSH: connect}, most_idle=1, clock=lambda: now[0])
    held = {}
    try:
        for _ in range(2):
            for host in (behind, *direct):
                now[0] += 60
                held[host] = pool.session(host)
                assert held[host].run(Command(scripts.NOTHING)).status == 0
                assert len(live()) <= 3
                assert (jump in live()) >= (behind in live())
        assert live() == [direct[-1]]
        for session in held.values():
            assert session.run(Command(scripts.NOTHING)).status == 0, "whoever holds one does not notice"
        assert made[-1][0] == direct[-2]
    finally:
        pool.close()
        server.stop()
    assert live() == []
