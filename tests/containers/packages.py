"""The packages that script/rpm, script/deb and script/pyz build of the checkout, or of a changed copy of it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.sshd import require

CHECKOUT = Path(__file__).parents[2]
KINDS = ("rpm", "deb", "pyz")


def build(top: Path = CHECKOUT, *words: str) -> Path:
    """Build sdist, wheel and all packages, and return their directory."""
    for program in ("rpmbuild", "dpkg-deb"):
        require(bool(shutil.which(program)), program)
    require(Path("/usr/bin/python3.11").exists(), "/usr/bin/python3.11")
    done = subprocess.run([str(top / "packaging" / "build"), *(words or KINDS)], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return top / "dist"


def changed(directory: Path, version: str, configuration: str, *words: str) -> Path:
    """Build a later version whose configuration ends with other lines."""
    for name in ("sshsync", "packaging", "systemd", "etc", "script", "docs", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"):
        copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy
        copy(CHECKOUT / name, directory / name)
    os.symlink(CHECKOUT / ".venv", directory / ".venv")
    (directory / "sshsync" / "version.py").write_text(f'"""The version."""\n\nVERSION = "{version}"\n')
    with (directory / "etc" / "sshsync.conf").open("a") as file:
        file.write(configuration)
    return build(directory, *words, "rpm", "deb")


def rpm(dist: Path) -> Path:
    """Return the binary package for rpm."""
    return next(file for file in dist.glob("*.rpm") if not file.name.endswith(".src.rpm"))


def deb(dist: Path) -> Path:
    """Return the package for dpkg."""
    return next(dist.glob("*.deb"))


def system(directory: Path) -> Path:
    """Build a package that stands for the system under it: it provides what ours requires and the machine has."""
    spec = directory / "system.spec"
    spec.write_text(
        "Name: system\nVersion: 1\nRelease: 1\nSummary: stands for the system\nLicense: MIT\nBuildArch: noarch\n"
        "Provides: /bin/sh /usr/bin/python3.11 logrotate shadow-utils\n%description\nStands for the system.\n%files\n"
    )
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {directory}", str(spec)], check=True, capture_output=True)
    return next(directory.glob("RPMS/noarch/*.rpm"))
