"""A Debian to build images from, as small as Debian itself makes one: packages of this machine, their files and what dpkg knows of them."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.containers.images import LABEL

_LEFT_OUT = re.compile(r"^/usr/share/(doc|man|locale|info)/")
_FIELDS = "${Package}\\t${Essential}\\t${Pre-Depends}, ${Depends}\\t${Provides}\\n"


def build(name: str, *packages: str, without: str = "") -> None:
    """Make an image of the essential packages, apt, and others with all that they depend on; a file can be left out."""
    chosen = closure({"apt", "base-passwd", "passwd", *packages})
    files = sorted({place for place in listed(chosen) if place != without} | set(records(chosen)))
    status = "\n\n".join(part for part in Path("/var/lib/dpkg/status").read_text().split("\n\n") if part.split("\n")[0].removeprefix("Package: ") in chosen)
    rename = [f"--transform=s,^usr/share/base-passwd/{file}.master$,etc/{file}," for file in ("passwd", "group")]
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "status").write_text(status + "\n")
        own = ["--transform=s,^status$,var/lib/dpkg/status,", "-C", directory, "status"]
        tar = ["tar", "-C", "/", "--no-recursion", *rename, "--null", "-T", "-", *own, "-cf", "-"]
        packed = subprocess.run(tar, input="\0".join(file[1:] for file in files).encode(), capture_output=True, check=True).stdout
    subprocess.run(["docker", "import", "--change", f"LABEL {LABEL}", "-", name], input=packed, check=True, capture_output=True)


def closure(packages: set[str]) -> set[str]:
    """Return the packages, the essential ones, and what all of these depend on."""
    needs, provided, essential = {}, {}, set()
    for line in subprocess.run(["dpkg-query", "-W", "-f", _FIELDS], capture_output=True, text=True, check=True).stdout.splitlines():
        name, vital, wanted, provides = line.split("\t")
        needs[name] = [[re.split(r"[ :(]", one.strip())[0] for one in group.split("|")] for group in wanted.split(",") if group.strip()]
        provided.update({re.split(r"[ (]", one.strip())[0]: name for one in provides.split(",") if one.strip()})
        essential |= {name} if vital == "yes" else set()
    found: set[str] = set()
    left = [*packages, *essential]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        for group in needs[name]:
            met = [one for one in group if one in needs] or [provided[one] for one in group if one in provided]
            left += met[:1]
    return found


def listed(packages: set[str]) -> Iterator[str]:
    """Yield the files of packages, at the places where they really lie."""
    names = subprocess.run(["dpkg", "-L", *sorted(packages)], capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        if name.startswith("/") and name != "/." and os.path.lexists(name) and not _LEFT_OUT.match(name):
            place = os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))
            yield place
            if os.path.islink(place) and place.count("/") == 1:
                yield os.path.realpath(place)


def records(packages: set[str]) -> Iterator[str]:
    """Yield what dpkg keeps of packages."""
    for file in Path("/var/lib/dpkg/info").iterdir():
        if file.name.rpartition(".")[0].partition(":")[0] in packages:
            yield str(file)
