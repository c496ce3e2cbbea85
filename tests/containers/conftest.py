"""The containers of the chain, by pytest-docker; visibly skipped where no Docker engine answers."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers import images, packages
from tests.sshd import require

PROJECT = "sshsync-test"


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """Version 2 where it is a plug-in of the client, else version 1."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return "docker compose" if plugin.returncode == 0 else "docker-compose"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(Path(__file__).parent / "compose.yml")


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return PROJECT


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """Version 1 knows no --wait; the tests wait themselves."""
    return ["down -v", "up -d"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return ["down -v -t 1"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pair that the controller and the proxy log in with, as a directory for the containers."""
    for program in ("docker", "busybox", "dropbear", "sshd", "scp"):
        require(bool(shutil.which(program) or shutil.which(f"/usr/sbin/{program}")), program)
    answering = subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    require(answering, "a Docker engine that answers")
    made = tmp_path_factory.mktemp("keys")
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(made / "id_rsa")], check=True)
    (made / "authorized_keys").write_text((made / "id_rsa.pub").read_text())
    made.chmod(0o755)
    os.environ["KEYS"] = str(made)
    images.build()
    return made


@pytest.fixture(scope="session")
def built() -> Path:
    """The directory with sdist, wheel and all packages of this checkout."""
    return packages.build()


@pytest.fixture(scope="session")
def signer() -> Iterator[Path]:
    """A home of gpg with the one key of packager@example.org; its path is short, as that of a socket has to be."""
    for program in ("gpg", "gpgconf", "rpmsign"):
        require(bool(shutil.which(program)), program)
    made = Path(tempfile.mkdtemp(prefix="gpg"))
    key = "Key-Type: eddsa\nKey-Curve: ed25519\nName-Real: Packager\nName-Email: packager@example.org\n%no-protection\n%commit\n"
    subprocess.run(["gpg", "--homedir", made, "--batch", "--quiet", "--gen-key"], input=key, text=True, check=True, capture_output=True)
    yield made
    subprocess.run(["gpgconf", "--homedir", made, "--kill", "all"], check=True)
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def later(signer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the packages of the next version, which has another configuration; signed."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GNUPGHOME", str(signer))
        return packages.changed(tmp_path_factory.mktemp("later"), "0.1.1", "# a new default\n", "--sign", "packager@example.org")


class Chain:
    """The running containers, and the command line outside or on the proxy."""

    def __init__(self, directory: Path, key: Path, port: int, compose: Callable[[str], object]) -> None:
        self.directory = directory
        self.compose = compose
        self.config = directory / "sshsync.conf"
        self.key = directory / "id_rsa"
        shutil.copy(key, self.key)
        self.key.chmod(0o600)
        self.port = port

    def container(self, service: str) -> str:
        found = subprocess.run(
            ["docker", "ps", "-aq", "-f", f"label=com.docker.compose.project={PROJECT}", "-f", f"label=com.docker.compose.service={service}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return found.stdout.strip()

    def run(self, service: str, script: str, user: str = "root") -> str:
        """Run a script in a container and return what it prints."""
        command = ["docker", "exec", "-u", user, self.container(service), "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}: {done.stderr}"
        return done.stdout

    def docker(self, *words: str) -> None:
        subprocess.run(["docker", *words], check=True, capture_output=True)

    def address(self, service: str, network: str) -> str:
        found = subprocess.run(["docker", "inspect", self.container(service)], capture_output=True, check=True)
        return str(json.loads(found.stdout)[0]["NetworkSettings"]["Networks"][f"{PROJECT}_{network}"]["IPAddress"])

    def log(self, service: str) -> str:
        done = subprocess.run(["docker", "logs", self.container(service)], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def cli(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self._command(*words), capture_output=True, text=True, timeout=150, check=False)

    def popen(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(self._command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def digests(self, service: str, root: str) -> dict[str, str]:
        """Return name and digest of every file that a reader in the container sees."""
        digest = "/opt/hidden/busybox sha1sum" if service == "appnode2" else "sha1sum"
        listed = self.run(service, f"cd {root} && find . -path ./.sshsync -prune -o -type f -exec {digest} {{}} +")
        return {name: value for value, name in (line.split("  ", 1) for line in listed.splitlines())}

    def _command(self, *words: str) -> list[str]:
        import sys

        return [sys.executable, "-m", "sshsync", "--config", str(self.config), *words]


@pytest.fixture(scope="session")
def chain(keys: Path, docker_services: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    services = docker_services
    made = Chain(tmp_path_factory.mktemp("controller"), keys / "id_rsa", services.port_for("repoproxy", 22), lambda words: None)  # type: ignore[attr-defined]
    services.wait_until_responsive(check=lambda: _up(made), timeout=30, pause=0.1)  # type: ignore[attr-defined]
    yield made


def _up(chain: Chain) -> bool:
    return all(
        subprocess.run(["docker", "exec", chain.container(name), "sh", "-c", "netstat -ltn | grep -q ':22 '"], capture_output=True, check=False).returncode == 0
        for name in ("repomaster", "repoproxy", "appnode1", "appnode2")
    )
