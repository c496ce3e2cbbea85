"""``rpm``: what rpm has on record of a host, or of an installroot there."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from sshsync.kinds.base import Answer, Request, Subject
from sshsync.kinds.packages import OF_PYTHON, PATIENCE, Found, answered, at_work, put
from sshsync.model.item import Key
from sshsync.model.topology import Repository
from sshsync.model.words import complaint, visible
from sshsync.remote.scripts import Command, Status
from sshsync.remote.scripts.program import load, python

NAMES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_PART = r"[A-Za-z0-9._+~^]+"
VERSIONS = re.compile(rf"([1-9][0-9]*:)?{_PART}-{_PART}( ([1-9][0-9]*:)?{_PART}-{_PART})*")
_ARCHITECTURES = re.compile(r"[a-z0-9_-]+|\(none\)")
_SAME = {"i386": "i686", "i486": "i686", "i586": "i686", "amd64": "x86_64", "athlon": "i686"}
"""Names of processors that one system may have several of."""
_UNABLE = "has no dnf 4, nor dnf 5 and a python3"
_COMPARED = "its packages can be compared, and not changed"
_KEYS = "gpg-pubkey"
"""What stands for a key that is trusted: no package, and nothing to be carried elsewhere."""

_SCRIPT = load("programs/rpm", Status.MISSING, Status.BARRED, Status.UNABLE, lists=True, room="sshsync.kinds")


def _program(*parts: str) -> str:
    return python(*(f"programs/{part}" for part in parts), room="sshsync.kinds")


_LOOK, _WAIT = _program("work", "rpm_look"), _program("work", "jobs", "rpm_wait")
_PLAN = ("work", "jobs", "plans", "rpm_jobs")
_CHANGE = _program(*_PLAN)
_DNF4, _DNF5 = (_program(*_PLAN, dnf).removeprefix(_CHANGE) for dnf in ("dnf4", "dnf5"))
_PROGRAMS = {"": ("", "", ""), "look": (_LOOK, "", ""), "make": (_LOOK, "", "")} | dict.fromkeys(
    ("fetch", "bring", "apply"), (_CHANGE, _DNF4, _DNF5)
)
"""What each mode needs there, of any dnf, of dnf 4 and of dnf 5. All else asks about jobs, again and again."""


class Rpm:
    """See `Manager`."""

    name = "rpm"
    unfit: Mapping[str, str] = OF_PYTHON
    tools: frozenset[str] = frozenset()

    def pattern(self, text: str) -> str:
        """Names are spelled in one way; see `Manager`."""
        return text

    def request(self, subject: Subject, *, make: bool = False, proved: Collection[Key] = ()) -> Request:
        """Ask for all of it, and where the changes are made if there are any; see `Manager`."""
        del proved
        repository = subject.repository
        mode = "make" if make else "look" if repository.parent else ""
        return _asked(repository, mode, "yes")

    def trouble(self, answer: Answer, repository: Repository) -> str:
        """See `Manager`."""
        if not answer.status:
            return ""
        said = complaint(answer.errors) or f"status {answer.status}"
        return lacking(answer, repository) or f"rpm cannot list its packages: {said}"

    def cure(self, answer: Answer, repository: Repository) -> str:
        """See `Manager`."""
        del answer, repository
        return ""

    def read(self, lines: list[bytes]) -> Found:
        """See `Manager`. No system is without packages: an empty list is the answer of a database that is not there."""
        found = Found()
        own = ""
        several: dict[tuple[str, str], list[str]] = {}
        for line in lines:
            if line.startswith(b"{"):
                at_work(found, answered(line))
                continue
            # A path may have blanks in it.
            if line.startswith(b"root /"):
                found.root = line.removeprefix(b"root ")
                continue
            if line.startswith(b"none /"):
                raise ValueError(f"no package at all, for there is no database in {visible(line[5:], 200)}")
            what, *said = _fields(line)
            if what == "arch" and len(said) == 2:
                own, found.writable = said[0], said[1] == "root"
            elif what == "unable" and not said:
                found.lacks = f"{_UNABLE} that could run: {_COMPARED}"
            elif what == "rpm" and len(said) == 3:
                name, version, arch = said
                if name != _KEYS:
                    several.setdefault((name, foreign(arch, own)), []).append(version.removeprefix("0:"))
            else:
                raise ValueError(f"{visible(line, 80)} is no package")
        for (name, other), versions in several.items():
            put(found, f"{name}.{other}" if other else name, " ".join(sorted(versions)), NAMES, VERSIONS)
        if not found.versions:
            raise ValueError("no package at all")
        return found


def lacking(answer: Answer, repository: Repository) -> str:
    """Return in words what is missing where nothing could be asked, "" where it is something else."""
    if answer.status == Status.BARRED:
        return "has no rpm"
    if answer.status == Status.MISSING:
        return f"there is no installroot {repository.path}"
    if answer.status == Status.UNABLE:
        said = complaint(answer.errors)
        return f"the Python of its dnf cannot run ({said}): {_COMPARED}" if said else f"{_UNABLE}: {_COMPARED}"
    return ""


def job(repository: Repository, mode: str, told: Mapping[str, Any]) -> Request:
    """Return what has a host begin a job, or tell of one; see `programs/jobs.py`."""
    return _asked(repository, mode, "", json.dumps(told).encode())


def _asked(repository: Repository, mode: str, lists: str, stdin: bytes = b"") -> Request:
    words = {"ROOT": repository.path, "LIST": lists, "MODE": mode}
    words |= zip(("PROGRAM", "DNF4", "DNF5"), _PROGRAMS.get(mode, (_WAIT, "", "")), strict=True)
    return Request(Command(_SCRIPT, {name: word.encode() for name, word in words.items()}), stdin, allow=PATIENCE)


def foreign(architecture: str, own: str) -> str:
    """Return an architecture that is not the host's own, "" for one that is, or that fits any.

    Raises:
        ValueError: it is none.
    """
    if not _ARCHITECTURES.fullmatch(architecture):
        raise ValueError(f"{visible(architecture, 80)!r} is no architecture")
    alike = {own, _SAME.get(own, own), "noarch", "(none)"}
    return "" if architecture in alike else architecture


def _fields(line: bytes) -> list[str]:
    try:
        return line.decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise ValueError(f"{visible(line, 80)} is no package") from None
