"""A host for the demonstration: an SSH server on loopback, in a process of its own, for one key.

Run as ``python -m sshsync.demo.server HOME``: HOME holds ``host_key`` and ``authorized_key``. It prints its port
and ends when its standard input does. It serves ``exec`` and ``direct-tcpip`` to loopback, nothing else; it is
a stand-in for sshd where none is installed, not a replacement.
"""

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import paramiko
from paramiko import common

_PIECE = 1 << 18


class _Rules(paramiko.ServerInterface):
    """Who may log in, and what they may ask for."""

    def __init__(self, authorized: paramiko.PKey, home: Path) -> None:
        self._authorized = authorized
        self._home = home
        self.targets: dict[int, tuple[str, int]] = {}

    def get_allowed_auths(self, username: str) -> str:
        """Only keys."""
        del username
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Only the one key."""
        del username
        return common.AUTH_SUCCESSFUL if key == self._authorized else common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only; tunnels are asked for separately."""
        del chanid
        return common.OPEN_SUCCEEDED if kind == "session" else common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        """Tunnel to loopback only."""
        del origin
        if destination[0] not in ("127.0.0.1", "localhost"):
            return common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        self.targets[chanid] = destination
        return common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Run the command as sshd would: by a shell, in the home directory."""
        threading.Thread(target=_serve, args=(channel, command, self._home), daemon=True).start()
        return True


def _serve(channel: paramiko.Channel, command: bytes, home: Path) -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "USER": "demo"}
    program = subprocess.Popen(
        ["/bin/sh", "-c", os.fsdecode(command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment,
        bufsize=0,
    )
    source, out, err = program.stdin, program.stdout, program.stderr
    assert source  # noqa: S101 - all three are pipes
    assert out  # noqa: S101
    assert err  # noqa: S101
    threading.Thread(target=_pump, args=(channel.recv, source.write, source.close), daemon=True).start()
    errors = threading.Thread(target=_pump, args=(err.read, channel.sendall_stderr, err.close), daemon=True)
    errors.start()
    _pump(out.read, channel.sendall, out.close)
    errors.join()
    status = program.wait()
    try:
        channel.send_exit_status(status if status >= 0 else 128 - status)
        channel.close()
    except (paramiko.SSHException, EOFError, OSError):
        return


def _pump(read: Callable[[int], bytes], write: Callable[[bytes], object], close: Callable[[], None]) -> None:
    try:
        while piece := read(_PIECE):
            view = memoryview(piece)
            while view:
                written = write(bytes(view))
                view = view[written if isinstance(written, int) else len(view) :]
    except (paramiko.SSHException, EOFError, OSError, ValueError):
        pass
    finally:
        with contextlib.suppress(OSError, EOFError):
            close()


def _tunnel(channel: paramiko.Channel, target: tuple[str, int]) -> None:
    try:
        there = socket.create_connection(target, timeout=10)
        there.settimeout(None)
    except OSError:
        channel.close()
        return
    back = threading.Thread(target=_pump, args=(there.recv, channel.sendall, channel.close), daemon=True)
    back.start()
    _pump(channel.recv, there.sendall, lambda: there.shutdown(socket.SHUT_RDWR))
    back.join()
    there.close()


def _session(connection: socket.socket, home: Path, host_key: paramiko.PKey, authorized: paramiko.PKey) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(connection, default_window_size=8 << 20, default_max_packet_size=1 << 18)
    transport.set_log_channel("sshsync.demo")
    options = transport.get_security_options()
    options.ciphers = ("aes128-gcm@openssh.com", "aes128-ctr")
    transport.add_server_key(host_key)
    rules = _Rules(authorized, home)
    try:
        transport.start_server(server=rules)
        while transport.is_active():
            channel = transport.accept(5)
            if channel and channel.chanid in rules.targets:
                target = rules.targets.pop(channel.chanid)
                threading.Thread(target=_tunnel, args=(channel, target), daemon=True).start()
    except (paramiko.SSHException, EOFError, OSError):
        pass
    finally:
        transport.close()


def _listen(listener: socket.socket, home: Path) -> None:
    host_key = paramiko.PKey.from_path(home / "host_key")
    authorized = paramiko.PKey.from_path(home / "authorized_key")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_session, args=(connection, home, host_key, authorized), daemon=True).start()


def main() -> None:
    """Serve until standard input ends."""
    home = Path(sys.argv[1])
    logging.getLogger("sshsync.demo").addHandler(logging.NullHandler())
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_listen, args=(listener, home), daemon=True).start()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
