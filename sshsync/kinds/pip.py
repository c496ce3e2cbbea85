"""``pip``: what a Python has installed, in an environment of its own or beside the system's packages."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from sshsync.kinds.base import Answer, Request, Subject
from sshsync.kinds.packages import OF_RPM, PATIENCE, Found, answered, at_work, put, text
from sshsync.model.item import Key
from sshsync.model.problem import Problem
from sshsync.model.topology import Repository
from sshsync.model.words import complaint, visible
from sshsync.remote.scripts import Command, Status
from sshsync.remote.scripts.program import load, python

NAMES = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
VERSIONS = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]*")
_ORIGINS = re.compile(r"[!-~]+( @ [!-~]+)?")
PASSWORD = re.compile(r"(?<=//)([^/@:\s]*):[^/@\s]*@")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")

_LIST = load("programs/python", Status.MISSING, Status.BARRED, lists=True, room="sshsync.kinds")
_PROGRAM = python("programs/work", "programs/pip", room="sshsync.kinds")
_JOBS = python("programs/work", "programs/jobs", "programs/pip_jobs", room="sshsync.kinds")


def normalized(name: str) -> str:
    """Return a name as all spellings of it are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Pip:
    """See `Manager`."""

    name = "pip"
    unfit: Mapping[str, str] = OF_RPM
    tools = frozenset({"pip", "setuptools", "wheel", "distribute", "pkg-resources"})

    def pattern(self, text: str) -> str:
        """Spell a pattern as names are; see `Manager`."""
        return normalized(text)

    def request(self, subject: Subject, *, make: bool = False, proved: Collection[Key] = ()) -> Request:
        """Ask the environment's own Python; see `Manager`."""
        return asked(subject.repository, _PROGRAM, "make" if make else "", b"\n".join(sorted(proved)))

    def trouble(self, answer: Answer, repository: Repository) -> str:
        """See `Manager`."""
        if not answer.status:
            return ""
        python = f"{repository.path}/bin/python" if repository.path else repository.python or "python3"
        said = complaint(answer.errors.strip().rpartition(b"\n")[2]) or f"status {answer.status}"
        return lacking(answer, repository) or f"{python} cannot list its packages: {said}"

    def cure(self, answer: Answer, repository: Repository) -> str:
        """See `Manager`."""
        made = f"{repository.python or 'python3'} -m venv {repository.path}"
        return f"make it there, then run again: {made}" if repository.path and answer.status == Status.MISSING else ""

    def read(self, lines: list[bytes]) -> Found:
        """See `Manager`."""
        found = Found()
        places: dict[Key, str] = {}
        left: list[tuple[str, str]] = []
        for line in lines:
            said = answered(line)
            if "prefix" in said:
                found.root = text(said, "prefix").encode("utf-8", "surrogateescape")
                found.writable, found.managed = said.get("writable") is True, said.get("managed") is True
                at_work(found, said)
            elif "closed" in said:
                closed = text(said, "closed").encode("utf-8", "surrogateescape")
                found.closed.append(Problem(closed, visible(text(said, "why"), 200)))
            elif "owned" in said:
                found.owned.add(normalized(text(said, "owned")).encode("ascii", "replace"))
            elif "left" in said:
                left.append((text(said, "left"), text(said, "place")))
            else:
                _take(found, said, places)
        for name, place in left:
            _leftover(found, name, place, places)
        if not found.root:
            raise ValueError("it does not say where it is")
        return found


def asked(repository: Repository, program: str, mode: str, stdin: bytes = b"") -> Request:
    """Return what has the environment's own Python carry out a program."""
    words = {"ROOT": repository.path, "PYTHON": repository.python or "python3", "PROGRAM": program, "MODE": mode}
    return Request(Command(_LIST, {name: word.encode() for name, word in words.items()}), stdin, allow=PATIENCE)


def job(repository: Repository, mode: str, told: Mapping[str, Any]) -> Request:
    """Return what has it begin a job, or tell of one; see `programs/jobs.py`."""
    return asked(repository, _JOBS, mode, json.dumps(told).encode())


def lacking(answer: Answer, repository: Repository) -> str:
    """Return in words what is missing where nothing could be asked, "" where it is something else."""
    path, called = repository.path, repository.python or "python3"
    if answer.status == Status.MISSING:
        return f"there is no environment {path}" if path else f"has no {called}: name one by python = "
    if answer.status == Status.BARRED:
        return f"{path}/bin/python is missing: {path} is no environment of Python"
    return ""


def shown(text: str) -> str:
    """Return words of pip without the passwords of addresses in them."""
    return PASSWORD.sub(r"\1:****@", text)


def _take(found: Found, said: dict[str, Any], places: dict[Key, str]) -> None:
    """Add a distribution; of two of one name that first one counts that Python finds first."""
    name, place = normalized(text(said, "name")), text(said, "place")
    harm = visible(text(said, "damage"), 200)
    version = _version(said)
    key = name.encode("ascii", "replace")
    if key in found.versions:
        if places[key] == place:
            found.damaged[key] = f"it is there twice: {found.versions[key]} and {version or 'another one'}"
        return
    if harm and not VERSIONS.fullmatch(version):
        version = "0"
    put(found, name, version, NAMES, VERSIONS if "url" not in said else _ORIGINS)
    places[key] = place
    if harm:
        found.damaged[key] = f"half installed: {harm}"


def _version(said: dict[str, Any]) -> str:
    """Return what tells two installations of a package apart: its version, or where it came from."""
    version, url = text(said, "version"), PASSWORD.sub(r"\1:****@", _quoted(text(said, "url")))
    if not url:
        return version
    commit, vcs, made = text(said, "commit"), text(said, "vcs"), text(said, "sha256")
    if _COMMIT.fullmatch(commit):
        # A revision tells more than a version.
        return f"{vcs}+{url}@{commit}" if vcs else f"{url}@{commit}"
    # The same file may lie elsewhere on each host.
    origin = f"{url.rpartition('/')[2]}#sha256={made}" if made else url
    return f"{version} @ {origin}" if version else origin


def _quoted(url: str) -> str:
    """Return an address without blanks and whatever else has no place in one, as it would have been written."""
    return "".join(char if "!" <= char <= "~" else _percent(char) for char in url)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _leftover(found: Found, name: str, place: str, places: dict[Key, str]) -> None:
    """Tell of what a broken change left behind: pip moves a package aside under a name that begins with ~."""
    rest = normalized(re.sub(r"(-[^-]*)?\.(dist-info|egg-info|egg)$", "", name[1:]))
    for key in found.versions:
        if places[key] == place and rest and key.decode()[1:] == rest:
            found.damaged.setdefault(key, f"half installed: a change of it broke off and left {visible(name, 80)}")
            return
    found.remarks.append(f"a broken change left {visible(name, 80)} in {visible(place, 200)}")
