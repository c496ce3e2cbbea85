"""The demonstration's site: four hosts, their files, the configuration, and an independent eye on the result."""

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

HOSTS = ("repomaster", "repoproxy", "appnode1", "appnode2")
PARENTS = {"repoproxy": "repomaster", "appnode1": "repoproxy", "appnode2": "repoproxy"}
BIG = "images/appliance.img"
BIG_SIZE = 64_000_000
WEEK_AGO = 7 * 86400

AWKWARD = (
    "a name with  spaces",
    'it\'s quoted "twice"',
    "$(reboot)",
    "`id`; rm -rf $HOME",
    "-rf",
    "line\nfeed",
    "tab\tand\\backslash",
    "*?[x]",
    "umlaut-ä-日本",
    "not-utf8-\udcff\udcfe",
    "deep/er/and/even/deeper/.hidden",
)


@dataclass
class Site:
    """A directory with a home for each host; use `open` and `close`."""

    top: Path
    now: float
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.top / "sshsync.conf"

    def root(self, host: str) -> Path:
        """The repository on a host."""
        return self.top / host / "apprepo"

    def open(self) -> None:
        """Make keys, start the hosts, write the configuration."""
        key = _private_key()
        _write_secret(self.top / "key", key)
        for host in HOSTS:
            home = self.top / host
            home.mkdir()
            _write_secret(home / "host_key", _private_key())
            _write_secret(home / "authorized_key", key)
            self._start(host)
        self.root("repomaster").mkdir()
        self.config.write_text(self._configuration())
        self.config.chmod(0o600)

    def close(self) -> None:
        """End the hosts."""
        for server in self.servers:
            if server.stdin:
                server.stdin.close()
            server.terminate()
            server.wait(10)
            if server.stdout:
                server.stdout.close()

    def fill(self, seed: int) -> int:
        """Let the vendor upload some hundred files, one of 64 MB; return their number."""
        chance = random.Random(seed)  # noqa: S311 - test content, not a secret
        files = {f"release/module{n % 23:02}/lib-{n:03}.jar": chance.randint(0, 40_000) for n in range(300)}
        files |= {f"awkward/{name}": 1000 + number for number, name in enumerate(AWKWARD)}
        files |= {BIG: BIG_SIZE, "release/empty.flag": 0}
        for name, size in files.items():
            self.put("repomaster", name, chance.randbytes(size))
        return len(files)

    def put(self, host: str, name: str, data: bytes) -> None:
        """Write a file, dated a week ago."""
        file = self.root(host) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (self.now - WEEK_AGO, self.now - WEEK_AGO))

    def digests(self, host: str) -> dict[str, str]:
        """Return the SHA-256 of every file a reader sees on a host, computed here and not by sshsync."""
        root = self.root(host)
        found = {}
        for file in root.rglob("*"):
            name = str(file.relative_to(root))
            if file.is_file() and not name.startswith(".sshsync/"):
                with file.open("rb") as source:
                    found[name] = hashlib.file_digest(source, "sha256").hexdigest()
        return found

    def command(self, *words: str) -> list[str]:
        """Return the real command line."""
        return [sys.executable, "-m", "sshsync", "--config", str(self.config), *words]

    def environment(self) -> dict[str, str]:
        """Return an environment in which that command finds this very package."""
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def _start(self, host: str) -> None:
        server = subprocess.Popen(
            [sys.executable, "-m", "sshsync.demo.server", str(self.top / host)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment(),
        )
        self.servers.append(server)
        assert server.stdout  # noqa: S101 - it is a pipe
        self.ports[host] = int(server.stdout.readline())

    def _configuration(self) -> str:
        parts = [
            f"[sshsync]\nstate_dir = {self.top}/state\n",
            f"[DEFAULT]\nuser = demo\nkey_file = {self.top}/key\nhost = 127.0.0.1\ndelete = yes\n",
        ]
        for host in HOSTS:
            lines = [f"[{host}]", f"port = {self.ports[host]}", f"path = {self.root(host)}"]
            if host in PARENTS:
                lines.append(f"parent = {PARENTS[host]}")
            if host.startswith("appnode"):
                lines.append("via = repoproxy")
            parts.append("\n".join(lines) + "\n")
        return "\n".join(parts)


def _private_key() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    form, plain = serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def _write_secret(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
