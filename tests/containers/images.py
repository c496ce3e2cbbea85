"""Images for the containers, made of what this machine has: no registry is asked.

Each is a small root file system: BusyBox with its links, the programs of its role with the libraries that they name,
and hand-written accounts.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from importlib import metadata
from pathlib import Path

LABEL = "sshsync.test=yes"
ACCOUNTS = {"repoowner": 1001, "proxyrunner": 1002, "appuser": 1003}
_NO_DIGESTS = ("md5sum", "sha1sum", "sha256sum", "sha3sum", "sha512sum", "openssl")
_LEFT_OUT = re.compile(r"(^|/)(__pycache__|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|site-packages|dist-packages|config-[^/]*)(/|$)|\.a$")

START_OPENSSH = """#!/bin/sh
# The account's keys come by a volume; the host key is the container's own.
set -e
mkdir -p /run/sshd /dat
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/host_key <&- 2>/dev/null || true
for home in /home/*; do
  mkdir -p $home/.ssh
  cp /keys/* $home/.ssh/
  chmod 700 $home/.ssh; chmod 600 $home/.ssh/*
  chown -R ${home##*/} $home
done
chmod 1777 /dat
exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
"""
START_DROPBEAR = """#!/bin/sh
set -e
mkdir -p /etc/dropbear /dat
for home in /home/*; do
  mkdir -p $home/.ssh
  cp /keys/authorized_keys $home/.ssh/
  chmod 700 $home $home/.ssh; chmod 600 $home/.ssh/*
  chown -R ${home##*/} $home
done
chmod 1777 /dat
exec dropbear -F -E -R -s -p 22
"""
SSHD_CONFIG = """Port 22
HostKey /etc/ssh/host_key
UsePAM no
PasswordAuthentication no
LogLevel VERBOSE
AllowTcpForwarding yes
MaxStartups 50
Subsystem sftp /usr/lib/openssh/sftp-server
"""
# Solaris' digest: the option names the algorithm, the output is the bare digest.
DIGEST = """#!/bin/sh
[ "$1" = -a ] && [ "$2" = sha1 ] || { echo "usage: digest -a sha1 FILE" >&2; exit 2; }
/opt/hidden/busybox sha1sum "$3" | { read -r value rest; echo "$value"; }
"""


class Root:
    """A root file system that becomes an image."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._out, mode="w")
        self._have: set[str] = set()

    def text(self, path: str, content: str, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(content.encode()), mode
        self._tar.addfile(entry, io.BytesIO(content.encode()))

    def directory(self, path: str, mode: int = 0o755) -> None:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def link(self, path: str, target: str) -> None:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(entry)

    def copy(self, source: Path, path: str = "") -> None:
        """Copy a file to the same or another place, symlinks resolved."""
        place = path or str(source)
        if place in self._have:
            return
        self._have.add(place)
        content = source.resolve().read_bytes()
        entry = tarfile.TarInfo(place.lstrip("/"))
        entry.size, entry.mode = len(content), 0o755 if os.access(source, os.X_OK) else 0o644
        self._tar.addfile(entry, io.BytesIO(content))

    def program(self, name: str, path: str = "") -> None:
        """Copy a program and the libraries that it names."""
        found = Path(shutil.which(name) or name)
        self.copy(found, path or f"/usr/bin/{found.name}")
        self.libraries(found)

    def libraries(self, binary: Path) -> None:
        listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
        for word in re.findall(r"(/\S+) \(0x", listed):
            self.copy(Path(word))

    def tree(self, top: Path) -> None:
        """Copy a directory of Python code, or one module."""
        if top.is_file():
            self._module(top)
        for base, _, files in os.walk(top):
            for name in files:
                file = Path(base, name)
                if _LEFT_OUT.search(str(file.relative_to(top))):
                    continue
                self._module(file)

    def _module(self, file: Path) -> None:
        self.copy(file)
        if ".so" in file.name:
            self.libraries(file)

    def image(self, name: str, start: str) -> None:
        """Hand the tree to Docker as an image that starts by /start."""
        self.text("/start", start, 0o755)
        self._tar.close()
        subprocess.run(
            ["docker", "import", "--change", 'CMD ["/start"]', "--change", "EXPOSE 22", "--change", f"LABEL {LABEL}", "-", name],
            input=self._out.getvalue(),
            check=True,
            capture_output=True,
        )


def _busybox(*, without: tuple[str, ...] = ()) -> Root:
    root = Root()
    for directory in ("proc", "sys", "dev", "run", "etc", "home", "dat", "usr/bin", "usr/sbin", "usr/lib", "keys"):
        root.directory(directory)
    for link, target in (("bin", "usr/bin"), ("sbin", "usr/sbin")):
        root.link(link, target)
    root.directory("tmp", 0o1777)
    root.copy(Path(str(shutil.which("busybox"))), "/usr/bin/busybox" if not without else "/opt/hidden/busybox")
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet not in ("busybox", "bin", *without):
            root.link(f"/usr/bin/{applet}", "busybox" if not without else "/opt/hidden/busybox")
    people = "".join(f"{name}:x:{number}:{number}::/home/{name}:/bin/sh\n" for name, number in ACCOUNTS.items())
    root.text("/etc/passwd", f"root:x:0:0::/root:/bin/sh\nsshd:x:100:100::/run/sshd:/bin/false\n{people}")
    groups = "".join(f"{name}:x:{number}:\n" for name, number in ACCOUNTS.items())
    root.text("/etc/group", f"root:x:0:\nsshd:x:100:\n{groups}")
    root.text("/etc/shadow", "".join(f"{name}:*:19000:0:99999:7:::\n" for name in ("root", "sshd", *ACCOUNTS)), 0o600)
    root.text("/etc/shells", "/bin/sh\n")
    root.text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    for name in ACCOUNTS:
        root.directory(f"/home/{name}")
    return root


def _openssh(root: Root) -> Root:
    for name in ("ssh", "scp", "ssh-keygen"):
        root.program(name)
    root.program(shutil.which("sshd") or "/usr/sbin/sshd", "/usr/sbin/sshd")
    server = next(path for path in ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server") if Path(path).exists())
    root.program(server, "/usr/lib/openssh/sftp-server")
    session = Path("/usr/lib/openssh/sshd-session")
    if session.exists():
        root.program(str(session), str(session))
    root.text("/etc/ssh/sshd_config", SSHD_CONFIG)
    root.text("/etc/ssh/ssh_config", "Host *\n  StrictHostKeyChecking accept-new\n  BatchMode yes\n")
    return root


def _python(root: Root) -> Root:
    """The interpreter that runs the tests, with sshsync and what it depends on, at the places where they lie here."""
    interpreter = Path(sys.executable).resolve()
    root.program(str(interpreter), str(interpreter))
    root.tree(Path(sysconfig.get_paths()["stdlib"]))
    site = Path(sysconfig.get_paths()["purelib"])
    for package in _needed(site):
        root.tree(package)
    root.tree(Path(__file__).parents[2] / "sshsync")
    checkout = Path(__file__).parents[2]
    root.text(
        "/usr/bin/sshsync",
        f"#!/bin/sh\nPYTHONHOME={sys.base_prefix} PYTHONPATH={site}:{checkout} PYTHONDONTWRITEBYTECODE=1 exec {interpreter} -m sshsync \"$@\"\n",
        0o755,
    )
    return root


def _needed(site: Path) -> list[Path]:
    """Return the directories and modules of what sshsync depends on, without its extras."""
    wanted, found = ["sshsync"], set()
    for name in wanted:
        requirements = metadata.requires(name) or []
        names = [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requirements if "extra ==" not in line]
        wanted += [other for other in names if other not in wanted and _installed(other)]
        if name != "sshsync":
            found |= {file.parts[0] for file in metadata.files(name) or [] if file.parts[0] != ".."}
    return [site / name for name in sorted(found)]


def _installed(name: str) -> bool:
    """A requirement may be for other systems only."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def build() -> None:
    """Make all images; a second or two each."""
    _openssh(_busybox()).image("sshsync-test/host", START_OPENSSH)
    _python(_openssh(_busybox())).image("sshsync-test/controller", START_OPENSSH)
    solaris = _openssh(_busybox(without=_NO_DIGESTS))
    solaris.text("/usr/bin/digest", DIGEST, 0o755)
    solaris.image("sshsync-test/solaris", START_OPENSSH)
    poor = _busybox()
    poor.program(shutil.which("dropbear") or "/usr/sbin/dropbear", "/usr/sbin/dropbear")
    poor.image("sshsync-test/dropbear", START_DROPBEAR)
    # What the images of an earlier run were called is no name any more.
    subprocess.run(["docker", "image", "prune", "-f", "--filter", f"label={LABEL}"], check=True, capture_output=True)


if __name__ == "__main__":
    build()
