"""Where rows are measured: a directory, hosts with an sshd each behind a wire, a configuration, commands."""

import contextlib
import getpass
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ports import reserved
from benchmarks.wire import Abilities, Count, Link, NotPossibleError, Wire, abilities, open_wire
from sshsync.config.schema import RepositoryOptions

PROJECT = Path(__file__).resolve().parent.parent
CIPHER = "aes128-gcm@openssh.com"
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of commands on the controller: as where it is installed, no run compiles what an earlier one has."""
WATCH = 0.05
"""Seconds between two looks at the memory of a command."""


@dataclass(frozen=True)
class Size:
    """How big rows are: `small` for their result only, else `scale` times what the table says."""

    small: bool = False
    scale: float = 1.0

    def of(self, full: float, small: float) -> int:
        """Return a number of bytes or files."""
        return int(small if self.small else max(small, full * self.scale))


class Host:
    """One sshd with keys of its own, behind a wire of its own. `root` is a directory for what it holds."""

    def __init__(self, lab: "Lab", name: str, wire: Wire) -> None:
        self.name, self.wire = name, wire
        self.root = lab.top / name
        self._home = lab.top / "sshd" / name
        self._home.mkdir(parents=True, mode=0o700)
        self.root.mkdir()
        self.key = self._keygen("id")
        host_key = self._keygen("host").with_suffix(".pub").read_text().split()
        (self._home / "authorized").write_text(self.key.with_suffix(".pub").read_text())
        inner = 2222 if wire.inside else reserved()  # a namespace is empty
        self._process = self._start(inner)
        self.port = wire.join(inner)
        self._await()
        self.known = f"[{wire.address}]:{self.port} {host_key[0]} {host_key[1]}"

    def section(self, path: Path, **options: object) -> str:
        """Return the body of a repository's section."""
        given = {
            "host": self.wire.address,
            "port": self.port,
            "user": getpass.getuser(),
            "key_file": self.key,
            "path": path,
        }
        return lines_of({**given, **options})

    def client(self, known: Path) -> str:
        """Return its part of a configuration of ssh."""
        lines = [f"Host {self.name}", f"HostName {self.wire.address}", f"Port {self.port}", f"IdentityFile {self.key}"]
        lines += [f"UserKnownHostsFile {known}", "BatchMode yes", f"Ciphers {CIPHER}", "ConnectTimeout 60"]
        return "\n  ".join(lines) + "\n"

    def close(self) -> None:
        """End its sshd, with its sessions and what they run, and take its wire down."""
        for pid in [*reversed(descendants(self._process.pid)), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 15)
        self._process.wait(10)
        self.wire.close()

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
        sftp = next(
            (p for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server") if Path(p).exists()),
            "internal-sftp",
        )
        lines = [
            f"Port {port}",
            f"ListenAddress {self.wire.listen}",
            f"HostKey {self._home / 'host'}",
            f"AuthorizedKeysFile {self._home / 'authorized'}",
            f"PidFile {self._home / 'pid'}",
            f"Subsystem sftp {sftp}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
            # bash leaves ~/.bashrc alone at this level: what this machine's owner put there is no part of a figure.
            "SetEnv SHLVL=5",
        ]
        file = self._home / "sshd_config"
        file.write_text("\n".join(lines) + "\n")
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        with (self._home / "log").open("ab") as log:
            return subprocess.Popen([*self.wire.inside, sshd, "-D", "-e", "-f", str(file)], stderr=log)

    def _await(self) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and self._process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self.wire.address, self.port), timeout=5) as greeting,
            ):
                if greeting.recv(4):
                    return
            time.sleep(0.02)
        raise NotPossibleError(f"sshd does not start: {(self._home / 'log').read_text()}")

    def _keygen(self, name: str) -> Path:
        file = self._home / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
        return file


class Lab:
    """Everything that one row needs, in one directory. `rounds` go by the same hosts."""

    def __init__(self, size: Size, can: Abilities | None = None) -> None:
        self.size = size
        self.can = can or abilities()
        self.top = Path(tempfile.mkdtemp(prefix="sshsync-bench-"))
        self.hosts: dict[str, Host] = {}
        self.state = self.top / "state"
        self.config = self.top / "sshsync.conf"
        self.ssh_config = self.top / "ssh_config"
        self.log = self.top / "log"
        self.memory = 0
        """The most bytes that one command on the controller held since this was set to 0."""

    def host(self, name: str, link: Link | None = None) -> Host:
        """Return a new host; without a link it is on loopback, and nothing is counted."""
        wire = open_wire(link, self.can) if link else Loopback()
        try:
            made = Host(self, name, wire)
        except BaseException:
            wire.close()
            raise
        self.hosts[name] = made
        self.state.mkdir(exist_ok=True, mode=0o700)
        known = self.state / "known_hosts"
        known.write_text("".join(f"{host.known}\n" for host in self.hosts.values()))
        self.ssh_config.write_text("".join(host.client(known) for host in self.hosts.values()))
        return made

    def configure(self, repositories: Mapping[str, str], **options: object) -> None:
        """Write the configuration: a body for each repository, options for all; one that is unknown is left out."""
        known = {key: value for key, value in options.items() if key in RepositoryOptions.model_fields}
        defaults = lines_of({"stable_for": 0, **known})
        sections = "".join(f"[{name}]\n{body}" for name, body in repositories.items())
        self.config.write_text(f"[sshsync]\nstate_dir = {self.state}\n[DEFAULT]\n{defaults}{sections}")
        self.config.chmod(0o600)

    def sshsync(self, *words: str, most: float | None = None) -> int:
        """Run sshsync, and return its exit code."""
        return self.run([sys.executable, "-m", "sshsync", "-c", str(self.config), "--quiet", *words], most=most)

    def ssh(self, host: Host, command: str) -> int:
        """Run a command on a host with OpenSSH's client."""
        return self.run(["ssh", "-F", str(self.ssh_config), host.name, command])

    def run(self, words: Sequence[str], most: float | None = None) -> int:
        """Run a command on the controller, and return its exit code; after `most` seconds it is ended."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                words, cwd=PROJECT, env=INSTALLED, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = None if most is None else time.monotonic() + most
        handle = os.pidfd_open(process.pid)
        try:
            while not select.select([handle], [], [], WATCH)[0]:
                self.memory = max(self.memory, peak(process.pid))
                if until is not None and time.monotonic() > until:
                    process.terminate()
                    until = None
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(handle)
            process.wait()
        return process.returncode

    def together(self, commands: Sequence[Sequence[str]]) -> None:
        """Run commands side by side."""
        with self.log.open("ab") as log:
            running = [
                subprocess.Popen(words, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                for words in commands
            ]
        for process in running:
            process.wait()

    def count(self) -> Count:
        """Return what went over all wires until now."""
        return sum((host.wire.count() for host in self.hosts.values()), Count())

    def links(self) -> str:
        """Return what makes the links of this row."""
        return ", ".join(sorted({host.wire.made_by for host in self.hosts.values() if host.wire.made_by})) or "loopback"

    def forget(self) -> None:
        """Let sshsync forget all it knows."""
        for file in self.state.glob("journal*"):
            file.unlink()

    def journal(self) -> int:
        """Return the bytes of sshsync's journal."""
        return sum(file.stat().st_size for file in self.state.glob("journal*"))

    def close(self) -> None:
        """End everything, and leave nothing behind."""
        for host in self.hosts.values():
            host.close()
        # What a session ran may write for a moment longer than the session lasts.
        for _ in range(20):
            shutil.rmtree(self.top, ignore_errors=True)
            if not self.top.exists():
                break
            time.sleep(0.1)


class Loopback(Wire):
    """No link at all, and no count."""

    address = "127.0.0.1"

    def join(self, port: int) -> int:
        return port

    def count(self) -> Count:
        return Count()

    def close(self) -> None:
        """Nothing stands."""


def lines_of(options: Mapping[str, object]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in options.items())


def peak(pid: int) -> int:
    """Return the most bytes of memory that a process held, 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def descendants(pid: int) -> list[int]:
    """Return the processes below one, parents first."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return found[1:]
