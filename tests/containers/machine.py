"""A machine to install things on: a container with systemd as its first process, and this system's /usr under a layer
that takes whatever is written there, so that nothing of it reaches the system that runs the tests."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.containers import images
from tests.sshd import require

IMAGE = "sshsync-test/machine"
_PROGRAMS = ("rpm", "useradd", "logrotate", "sshd")
_ALLOWED = ("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined")


class Machine:
    """A running container; `layer` takes what is written to its /usr. The caller calls `close`."""

    def __init__(self, layer: Path, name: str) -> None:
        _possible()
        self._volume = f"sshsync-test-usr-{name}"
        _image()
        for part in ("upper", "work"):
            (layer / part).mkdir()
        layers = f"lowerdir=/usr,upperdir={layer}/upper,workdir={layer}/work"
        _docker("volume", "create", "--driver", "local", "--opt", "type=overlay", "--opt", f"o={layers}", "--opt", "device=overlay", self._volume)
        mounts = ("-v", f"{self._volume}:/usr", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/tmp")
        self.name = _docker("run", "-d", "--hostname", name, *_ALLOWED, *mounts, IMAGE).strip()
        until = time.monotonic() + 30
        while self.run("systemctl is-active basic.target", check=False).stdout.strip() != "active":
            assert time.monotonic() < until, self.run("systemctl list-jobs; systemctl --failed", check=False).stdout
            time.sleep(0.2)

    def run(self, script: str, *, check: bool = True, within: int = 120) -> "subprocess.CompletedProcess[str]":
        """Run a script as root."""
        command = ["docker", "exec", self.name, "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=within, check=False)
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    def put(self, file: Path, place: str) -> None:
        """Copy a file into it."""
        with file.open("rb") as content:
            subprocess.run(["docker", "exec", "-i", self.name, "sh", "-c", f"cat > {place}"], stdin=content, check=True, timeout=60)

    def close(self) -> None:
        """Remove container and layer."""
        _docker("rm", "-f", self.name)
        _docker("volume", "rm", self._volume)


def _possible() -> None:
    answering = bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    require(answering, "a Docker engine that answers")
    require(Path("/lib/systemd/systemd").exists(), "systemd")
    for program in _PROGRAMS:
        require(bool(shutil.which(program) or shutil.which(f"/usr/sbin/{program}")), program)


def _image() -> None:
    root = images.Root()
    for directory in ("etc/systemd/system", "var/log", "var/lib", "run", "tmp", "proc", "sys", "dev", "usr", "root", "home"):
        root.directory(directory)
    for link in ("bin", "sbin", "lib", "lib64"):
        root.link(link, f"usr/{link}")
    for masked in ("systemd-networkd-wait-online", "systemd-firstboot"):
        root.link(f"etc/systemd/system/{masked}.service", "/dev/null")
    root.text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\nnobody:x:65534:65534::/:/bin/false\n")
    root.text("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
    root.text("/etc/shadow", "root:*:19000:0:99999:7:::\n", 0o600)
    root.text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    root.text("/etc/pam.d/other", "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "password", "session")))
    root.text("/etc/machine-id", "uninitialized\n")
    root.image(IMAGE, "#!/bin/sh\n# As on a machine: mounts that systemd makes for credentials have to reach the units.\nmount --make-rshared /\nexec /lib/systemd/systemd --system --unit=basic.target\n")


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout
