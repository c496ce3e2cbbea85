"""Packages of rpm that are built on the spot, and roots to install them into: real rpmbuild, createrepo_c and dnf."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.sshd import require


VERSIONLOCK = Path("/usr/lib/python3/dist-packages/dnf-plugins/versionlock.py")
"""dnf 4's plugin that holds versions; dnf 5 does that itself."""


def run(*words: object, patience: float = 150) -> str:
    own = {**os.environ, "HOME": str(home())}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=patience, env=own)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@cache
def top() -> Path:
    require(shutil.which("rpmbuild") is not None, "rpmbuild")
    require(shutil.which("createrepo_c") is not None, "createrepo_c")
    require(os.path.exists("/usr/bin/dnf"), "dnf")
    require(os.geteuid() == 0, "root, who may install into a root of its own")
    return Path(tempfile.mkdtemp(prefix="sshsync-rpms-"))


def at_home(place: Path) -> Path:
    """Let rpm have its records where every system but Debian has them; there each account has its own."""
    place.mkdir(exist_ok=True)
    (place / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")
    return place


@cache
def home() -> Path:
    return at_home(Path(tempfile.mkdtemp(prefix="sshsync-rpms-home-")))


@cache
def built(name: str, version: str, head: str = "", scripts: str = "", body: str = "", conf: str = "", arch: str = "noarch", files: str = "/bin/*") -> Path:
    """Build a package of a few bytes, each once; `version` is `[EPOCH:]VERSION-RELEASE`."""
    epoch, _, rest = version.rpartition(":")
    number, release = rest.split("-")
    place = Path(tempfile.mkdtemp(dir=top()))
    place_there = f"/opt/{name}" if arch == "noarch" else f"/opt/{name}.{arch}"
    install = body or f"mkdir -p %{{buildroot}}{place_there}\necho {version} > %{{buildroot}}{place_there}/f\n"
    listed = f"{place_there}\n" if not body else f"{files}\n"
    if conf:
        install += f"mkdir -p %{{buildroot}}/etc\necho {conf} > %{{buildroot}}/etc/{name}.conf\n"
        listed += f"%config(noreplace) /etc/{name}.conf\n"
    own = "" if body or arch != "noarch" else "BuildArch: noarch\n"
    (place / "spec").write_text(
        f"Name: {name}\nVersion: {number}\nRelease: {release}\nSummary: test\nLicense: MIT\nAutoReqProv: no\n{own}"
        + (f"Epoch: {epoch}\n" if epoch else "")
        + f"{head}\n%description\ntest\n%install\n{install}%files\n{listed}{scripts}\n"
    )
    options = [f"_topdir {place}/top", f"_rpmdir {place}", "_build_id_links none", "__os_install_post %{nil}"]
    target = ["--target", arch] if arch != "noarch" else []
    run("rpmbuild", "-bb", "--quiet", *target, *(word for one in options for word in ("--define", one)), place / "spec")
    return next(place.rglob("*.rpm"))


@cache
def system_of_dnf5() -> Path:
    """Return a system that has dnf 5: a chroot of Debian's unstable, made once and found again."""
    place = Path(os.environ.get("SSHSYNC_DNF5", "/var/tmp/sshsync-dnf5"))
    if not (place / "usr/bin/dnf5").exists():
        require(shutil.which("debootstrap") is not None, "debootstrap, or a system with dnf 5 named by SSHSYNC_DNF5")
        packages = "dnf5,createrepo-c,python3"
        run("debootstrap", "--variant=minbase", f"--include={packages}", "unstable", place, "http://deb.debian.org/debian", patience=900)
    return place


@cache
def shell_in(system: Path) -> Path:
    """Return a shell that runs in another system."""
    made = Path(tempfile.mkdtemp(prefix="sshsync-shell-")) / "sh"
    made.write_text(f'#!/bin/sh\nexec chroot {system} /bin/sh "$@"\n')
    made.chmod(0o755)
    return made


def shell(version: str = "1-1", scripts: str = "") -> Path:
    """Return a package that brings a shell, for those whose scripts need one."""
    tools = "sh sleep echo cat ls touch test rm".split()
    links = "".join(f"ln -s busybox %{{buildroot}}/bin/{one}\n" for one in tools)
    body = f"mkdir -p %{{buildroot}}/bin\ncp {shutil.which('busybox')} %{{buildroot}}/bin/busybox\n{links}"
    return built("shell", version, head="Provides: /bin/sh", body=body, scripts=scripts)


def repository(place: Path, *packages: Path) -> Path:
    """Have a repository hold packages besides those that it holds."""
    place.mkdir(exist_ok=True)
    for one in packages:
        shutil.copy(one, place)
    run("createrepo_c", "--quiet", "--update", place)
    return place


def root(place: Path, source: Path, *packages: Path, conf: str = "gpgcheck=0\n") -> Path:
    """Make a root whose dnf takes packages from a repository, and from nowhere else: one of Debian's plugins has all
    that was ever installed on a machine in a repository of its own."""
    for directory in ("etc/dnf", "etc/yum.repos.d", "var/cache/dnf"):
        (place / directory).mkdir(parents=True)
    (place / "etc/dnf/dnf.conf").write_text(f"[main]\nplugins=0\nmetadata_expire=0\n{conf}")
    (place / "etc/yum.repos.d/test.repo").write_text(f"[test]\nname=test\nbaseurl=file://{source}\n")
    run("rpm", "--root", place, "--initdb")
    if packages:
        run("rpm", "--root", place, "-i", "--ignorearch", *packages)
    return place


def listed(place: Path) -> dict[str, str]:
    """Return what is installed, as rpm itself tells it."""
    lines = run("rpm", "--root", place, "-qa", "--qf", "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n").splitlines()
    return {name: version.removeprefix("0:") for name, version in map(str.split, lines)}


def sound(place: Path) -> bool:
    """Whether rpm finds nothing that is broken."""
    return not run("sh", "-c", f"rpm --root {place} -Va --noscripts 2>&1 || :")


class Locked:
    """A lock of dnf 4, as another dnf holds it: a file with the number of a process that is there."""

    def __init__(self, file: Path, pid: int) -> None:
        self._file = file
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(str(pid))

    def release(self) -> None:
        self._file.unlink()


class Signer:
    """A key that nobody trusts yet, and packages that are signed by it."""

    def __init__(self, place: Path) -> None:
        require(shutil.which("gpg") is not None and shutil.which("rpmsign") is not None, "gpg and rpmsign")
        self._home, self.key = place / "home", place / "key.asc"
        self._home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", self._home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        run(*gpg, "--quick-gen-key", "test@example.org", "rsa2048", "sign", "never")
        self.key.write_text(run(*gpg, "--armor", "--export"))

    def signed(self, package: Path) -> Path:
        place = Path(tempfile.mkdtemp(dir=top())) / package.name
        shutil.copy(package, place)
        names = ["--define", f"_gpg_path {self._home}", "--define", "_gpg_name test@example.org", "--define", "__gpg /usr/bin/gpg"]
        run("rpmsign", *names, "--addsign", place)
        return place

    def end(self) -> None:
        run("gpgconf", "--homedir", self._home, "--kill", "gpg-agent")


def lock_versions(place: Path, plugins: Path, name: str) -> None:
    """Have dnf hold a package of a root at version 1-1: dnf 4 by a plugin, in a directory of its own, dnf 5 by itself."""
    plugins.mkdir()
    shutil.copy(VERSIONLOCK, plugins)
    (plugins / "versionlock.conf").write_text(f"[main]\nenabled=1\nlocklist={plugins}/lock.list\n")
    (plugins / "lock.list").write_text(f"{name}-0:1-1.*\n")
    (place / "etc/dnf/versionlock.toml").write_text(
        f'version = "1.0"\n[[packages]]\nname = "{name}"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "="\nvalue = "1-1"\n'
    )
