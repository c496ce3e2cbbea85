"""Packages: items that a package manager of the host looks after; the digest is the version, and equal by its text."""

import json
import re
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Protocol

from sshsync.errors import CommandError, ListingError
from sshsync.kinds.base import Answer, Condition, Dialogue, Remark, Request, Subject
from sshsync.kinds.installing import Installer
from sshsync.model.change import Change, Copy, Delete, Replace, Transfer
from sshsync.model.item import Item, Items, Key, Snapshot
from sshsync.model.problem import Problem
from sshsync.model.topology import Repository
from sshsync.model.words import Order, Place, Versions, Words, visible
from sshsync.remote.frame import records
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Status

ALGORITHM = "version"
"""What the digests of packages are made by: nothing but a look at what is on record."""

PARTIAL = 7
"""Exit code that one package asks for that cannot become what it should."""
LONGEST = 255
"""Bytes of a name, as file systems and package managers have it."""
LONGEST_VERSION = 4096
"""Bytes of a version: of several side by side, or of an address that something came from."""
MOST = 200_000
"""Packages that a host may list: no system has a tenth of them."""
PATIENCE = 120.0
"""Seconds of silence that are fine while a slow disk is read for the first time."""

OF_PYTHON = dict.fromkeys(
    ("python", "tools", "sources", "hashes", "externally_managed"), "it concerns the packages of a Python: type = pip"
)
"""Options that make sense for these alone, with the reason."""
OF_RPM = dict.fromkeys(("besides", "held"), "it concerns dnf, which has a resolver of its own: type = rpm")
"""Options that make sense for what rpm looks after alone, with the reason."""
_LISTED = "what is installed is listed as the package manager has it on record, and a version is its own digest"
_BROUGHT = "what a package manager installs it gets from its own index, and puts it where it belongs"
_UNFIT = {
    **dict.fromkeys(("listcmd", "digestcmd", "digest", "digest_cache", "stable_for", "verify_share"), _LISTED),
    **dict.fromkeys(("synccmd", "sshcmd", "forward_agent", "transfer", "bwlimit", "compress", "streams"), _BROUGHT),
    **dict.fromkeys(("pipeline", "file_mode", "file_group", "empty_dirs", "links"), _BROUGHT),
}
"""Options of repositories that make no sense for packages, with the reason."""


@dataclass(slots=True)
class Found:
    """What was listed so far.

    Attributes:
        root: where it was found, on the host.
        versions: by name.
        damaged: what is not whole, with what is wrong.
        closed: places that could not be listed.
        remarks: what an operator should know.
        writable: whether the account could change what is installed.
        lacks: in words what would be needed to change anything, "" where all is there.
        managed: whether that is the business of the system's own package manager alone, as the system says (PEP 668).
        owned: packages that are that one's, and no items.
        work: resolved directory in which changes are made there; b"" where there is none yet.
        left: what was left there unfinished; see `Snapshot`.
    """

    writable: bool = False
    lacks: str = ""
    managed: bool = False
    owned: set[Key] = field(default_factory=set)
    work: bytes = b""
    left: tuple[bytes, ...] = ()
    root: bytes = b""
    versions: dict[Key, str] = field(default_factory=dict)
    damaged: dict[Key, str] = field(default_factory=dict)
    closed: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class Manager(Protocol):
    """A package manager: what to ask it, and what its answer means."""

    name: str
    tools: frozenset[str]
    """Packages that are part of the manager itself, and of no interest unless somebody asks for them."""
    unfit: Mapping[str, str]
    """Options of packages that make no sense for its own, with the reason."""

    def pattern(self, text: str) -> str:
        """Return a pattern of names as names are spelled."""
        ...

    def request(self, subject: Subject, *, make: bool = False, proved: Collection[Key] = ()) -> Request:
        """Return what lists all packages of a repository.

        Args:
            subject: the repository.
            make: make the directory in which changes are made.
            proved: packages each file of which is compared with what was installed.
        """
        ...

    def trouble(self, answer: Answer, repository: Repository) -> str:
        """Return in words why nothing was listed, "" where something was."""
        ...

    def cure(self, answer: Answer, repository: Repository) -> str:
        """Return in words what to do where nothing was listed, "" where that is not known."""
        ...

    def read(self, lines: list[bytes]) -> Found:
        """Return what was listed.

        Raises:
            ValueError: something in it cannot be true, in words.
        """
        ...


class Packages:
    """The kinds of packages; see `Kind`."""

    words = Words("package", "packages", "install", "installed")
    place = Place("package database", "look what became of it")
    required: frozenset[str] = frozenset()

    usual: Mapping[str, str] = {"keep": "3"}

    def __init__(self, manager: Manager, installer: Installer, order: Order) -> None:
        """Name what lists packages, what changes them, and their order."""
        self._manager = manager
        self._order = order
        self._installer = installer
        self.unfit = {**_UNFIT, **manager.unfit}

    def wanted(self, repository: Repository) -> Callable[[Key], bool]:
        """Match names against shell patterns; what is part of the manager takes part where it is asked for."""
        include, exclude = (tuple(map(self._manager.pattern, one)) for one in (repository.include, repository.exclude))
        left_out = frozenset() if repository.tools else self._manager.tools

        def test(key: Key) -> bool:
            name = key.decode("ascii", "replace")
            if any(fnmatchcase(name, one) for one in exclude):
                return False
            if include:
                return any(fnmatchcase(name, one) for one in include)
            return name not in left_out

        return test

    def reaches(self, repository: Repository) -> Callable[[Key], bool]:
        """There are no directories: what has a name is what bears it."""
        del repository
        return lambda _key: True

    def algorithm(self, repository: Repository) -> str:
        """A version is its own digest; see `Kind`."""
        del repository
        return ALGORITHM

    def told(self, change: Change) -> Versions:
        """See `Kind`."""
        old = "" if isinstance(change, Copy) else version_of(change.old)
        new = "" if isinstance(change, Delete) else version_of(change.new)
        down = bool(old and new) and (self._order(new, old) or 0) < 0
        return Versions(old, new, down)

    def needs(self, repository: Repository, capabilities: Capabilities, algorithm: str) -> str:
        """What is needed is found out where it is used; see `Kind`."""
        del repository, capabilities, algorithm
        return ""

    def condition(self, subject: Subject) -> Dialogue[Condition]:
        """List what is there, and say whether that could be done; see `Kind`."""
        answer = yield self._manager.request(subject)
        told = f"versions, by {self._manager.name}"
        if trouble := self._manager.trouble(answer, subject.repository):
            return Condition(trouble, "missing" if answer.status == Status.MISSING else "closed", digest=told)
        found = self._found(answer, subject)
        if found.lacks:
            return Condition(found.lacks, "readable", digest=told)
        return Condition(state="writable" if found.writable else "readable", digest=told)

    def scan(self, subject: Subject) -> Dialogue[Snapshot]:
        """List all of it, once nothing changes it any more where that is asked; see `Kind`."""
        if subject.settled:
            yield from self._installer.settle(subject)
        return (yield from self._scan(subject))

    def _scan(self, subject: Subject, proved: Collection[Key] = ()) -> Dialogue[Snapshot]:
        repository = subject.repository
        answer = yield self._manager.request(subject, make=subject.create, proved=proved)
        if trouble := self._manager.trouble(answer, repository):
            if answer.status == Status.MISSING and repository.path and not subject.create:
                return Snapshot(repository.name, repository.path.encode(), Items(), subject.now, existed=False)
            raise CommandError(trouble, where=repository.name, hint=self._manager.cure(answer, repository))
        found = self._found(answer, subject)
        yield from _remarks(found)
        made = (Item(key, None if key in found.damaged else digest(said)) for key, said in found.versions.items())
        closed = tuple(found.closed)
        return Snapshot(
            repository.name,
            found.root if repository.path else b"",
            Items(made),
            subject.now,
            complete=not closed,
            problems=closed,
            damaged=found.damaged,
            left=found.left,
            apart=found.work or None,
        )

    def glance(self, subject: Subject) -> Dialogue[Snapshot]:
        """List all of it, for nothing is quicker, and forget the versions; see `Kind`."""
        seen = yield from self._scan(subject)
        return replace(seen, items=Items(Item(key, None) for key in seen.items))

    def look_again(self, subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
        """List all of it, and keep what was asked for; see `Kind`."""
        if not keys:
            return Snapshot(subject.repository.name, root, Items())
        seen = yield from self._scan(subject, keys if subject.repository.install.hashes else ())
        asked = Items(seen.items[key] for key in keys if key in seen.items)
        return Snapshot(seen.repository, root, asked, seen.now, damaged=seen.damaged)

    def _found(self, answer: Answer, subject: Subject) -> Found:
        return listed(self._manager, answer, subject)


def listed(manager: Manager, answer: Answer, subject: Subject) -> Found:
    """Return what a host listed.

    Raises:
        ListingError: it cannot be true.
    """
    try:
        lines = records(answer.payload, subject.token)
        if len(lines) > MOST:
            raise ValueError(f"more than {MOST} packages")
        return manager.read(lines)
    except ValueError as error:
        words = f"what {manager.name} lists there cannot be true: {error}"
        raise ListingError(words, where=subject.repository.name) from None


def put(found: Found, name: str, version: str, names: "re.Pattern[str]", versions: "re.Pattern[str]") -> Key:
    """Add a package that was listed.

    Raises:
        ValueError: name or version is none.
    """
    if len(name) > LONGEST or not names.fullmatch(name):
        raise ValueError(f"{visible(name, 80)!r} is no name of a package")
    if len(version) > LONGEST_VERSION or not versions.fullmatch(version):
        raise ValueError(f"{visible(version, 80)!r} is no version, of {name}")
    key = name.encode("ascii")
    found.versions[key] = version
    return key


def version_of(item: Item) -> str:
    """Return the version of a package, "" of one that is not whole."""
    return (item.digest or "").partition(":")[2]


def too_old(repository: Repository, change: Transfer, order: Order) -> str:
    """Return in words why a version is older than may come, "" where it may."""
    if repository.install.downgrade or not isinstance(change, Replace):
        return ""
    new, old = version_of(change.new), version_of(change.old)
    return f"{new} is older than {old} there (downgrade = no)" if (order(new, old) or 0) < 0 else ""


def digest(version: str) -> str:
    """Return the digest of a version."""
    return f"{ALGORITHM}:{version}"


def _remarks(found: Found) -> Generator[Remark, Answer, None]:
    for words in found.remarks:
        yield Remark(words)


def at_work(found: Found, said: Mapping[str, Any]) -> None:
    """Take what a host tells of the directory in which changes are made there.

    Raises:
        ValueError: it cannot be true.
    """
    found.work = text(said, "work").encode("utf-8", "surrogateescape")
    found.left = tuple(_texts(said, "left"))


def answered(line: bytes, most: int = 64 * LONGEST) -> dict[str, Any]:
    """Return what a line of so many bytes at most says.

    Raises:
        ValueError: it is not what a program of ours prints.
    """
    if len(line) > most:
        raise ValueError(f"a line of {len(line)} bytes")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"{visible(line, 80)} is no JSON") from None
    if not isinstance(said, dict):
        raise ValueError(f"{visible(line, 80)} is no object")  # noqa: TRY004 - bad input like any other
    return said


def text(said: Mapping[str, Any], name: str) -> str:
    """Return a text that a host tells, "" where it tells none.

    Raises:
        ValueError: it is none.
    """
    value = said.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004 - bad input like any other
    return value


def _texts(said: Mapping[str, Any], name: str) -> list[bytes]:
    value = said.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} is no list of names")
    return [one.encode("utf-8", "surrogateescape") for one in value]
