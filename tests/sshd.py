"""Throw-away OpenSSH servers on loopback: no root needed, each with keys, accounts' files and PATH of its own."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from benchmarks.ports import reserved

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
SFTP = next((path for path in ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server") if Path(path).exists()), "internal-sftp")
REQUIRED = os.environ.get("SSHSYNC_REQUIRE_ALL") == "1"


def require(found: bool, what: str) -> None:
    """Skip visibly where something is missing; fail where everything has to run."""
    if not found:
        (pytest.fail if REQUIRED else pytest.skip)(f"{what} is not installed")


class Sshd:
    """One server. `known` is its line for a known_hosts file, `key` a private key that it accepts."""

    def __init__(self, directory: Path, name: str, *extra: str, environment: str = "") -> None:
        require(Path(SSHD).exists(), "sshd")
        self.home = directory / name
        self.home.mkdir(parents=True, mode=0o700)
        self.port = reserved()
        self.user = getpass.getuser()
        self.key = self._keygen("id")
        host_key = self._keygen("host")
        (self.home / "authorized").write_text(self.key.with_suffix(".pub").read_text())
        self.known = f"[127.0.0.1]:{self.port} " + " ".join(host_key.with_suffix(".pub").read_text().split()[:2])
        self.log = self.home / "log"
        self.config = self.home / "sshd_config"
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {host_key}",
            f"AuthorizedKeysFile {self.home / 'authorized'}",
            f"PidFile {self.home / 'pid'}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
            # bash leaves ~/.bashrc alone at this level: what the machine's owner put there is not part of a test.
            f"SetEnv SHLVL=5 {environment}",
            f"Subsystem sftp {SFTP}",
            *extra,
        ]
        self.config.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.config)], stderr=log)
        until = time.monotonic() + 10
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail(f"sshd does not start: {self.log.read_text()}")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def sessions(self) -> list[int]:
        """Return the processes of this server's sessions: sshd's own, not the commands they run."""
        assert self.process
        listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        found = [self.process.pid]
        for parent in found:
            found += [int(pid) for pid, ppid, name in rows if int(ppid) == parent and name.startswith("sshd")]
        return found[1:]

    def signal_sessions(self, number: int) -> None:
        """Send a signal to every session; the server itself goes on."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def drop_sessions(self) -> None:
        """Kill every session of this server."""
        self.signal_sessions(signal.SIGKILL)

    def section(self, **values: object) -> str:
        """Return the lines of a repository section that reach this server."""
        given = {"host": "127.0.0.1", "port": self.port, "user": self.user, "key_file": self.key, **values}
        return "".join(f"{key} = {value}\n" for key, value in given.items())

    def _keygen(self, name: str) -> Path:
        file = self.home / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
        return file
