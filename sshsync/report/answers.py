"""What commands answer in JSON beside the events of runs: each class is one type of object.

docs/json.md and the schema are made of these classes; fields are only ever added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sshsync.model.compared import Sign
from sshsync.model.narrow import Narrow
from sshsync.model.status import RepositoryStatus


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration."""

    place: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Error:
    """A command, or its part about one host, ended with an error: wrong usage, configuration, lock, signal, bug."""

    exit_code: int
    message: str
    where: str = ""
    hint: str = ""
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Remark:
    """A command did what it should and has nothing but this to say."""

    message: str


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration is valid (`config check`); one that is not is an error."""

    valid: bool
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a section."""

    value: str
    place: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the configuration with all its values, defaults too (`config show`)."""

    name: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class OnRecord:
    """A host key on record."""

    key: str
    place: str


@dataclass(frozen=True, slots=True)
class HostKey:
    """The key that a host shows, and what became of it (`hosts trust`)."""

    repository: str
    host: str
    key: str
    fingerprint: str
    state: str
    others: list[OnRecord]
    recorded: str = ""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The keys of a host were taken out of sshsync's own file (`hosts forget`)."""

    repository: str
    file: str
    keys: list[str]
    left: list[str]


@dataclass(frozen=True, slots=True)
class Notified:
    """Somebody was told of a made-up run, or could not be (`notify test`)."""

    option: str
    about: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class Status:
    """How all repositories are (`status`); the summary of the last run follows."""

    running: str | None
    repositories: list[RepositoryStatus]
    exit_code: int
    headway: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run on record (`history`), newest first."""

    id: str
    started: float
    finished: float | None
    stages: list[list[str]]
    dry: bool
    exit_code: int | None
    interrupted: bool
    abandoned: bool
    outcome: str = ""
    seconds: float | None = None
    good: int | None = None
    brought: int | None = None
    deleted: int | None = None
    failed: int | None = None
    moved: int | None = None
    narrowed: Narrow | None = None
    like: str = ""
    back: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A file changed on a repository (`history --file`), the latest first."""

    name: str
    repository: str
    run: str
    at: float
    what: str
    digest: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """What is on record of a file now (`history --file`)."""

    name: str
    repository: str
    digest: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What a repository holds under one name (`ls`, `sums`)."""

    repository: str
    name: str
    size: int
    mtime: int
    digest: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of a file that a run replaced or deleted, and that is kept (`restore --list`)."""

    repository: str
    run: str
    at: float | None
    name: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A kept version of a file is in its place again (`restore`); the next run replaces or deletes it."""

    repository: str
    run: str
    name: str
    size: int
    digest: str
    expected: str
    aside: str
    exclude: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two repositories, or could not be compared (`diff`; with `--verbose` what is equal, too)."""

    repository: str
    other: str
    name: str
    sign: Sign
    reason: str
    size: int | None
    digest: str | None
    other_size: int | None
    other_digest: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two repositories compare (`diff`), in numbers: its last line."""

    repository: str
    other: str
    equal: int
    missing: int
    extra: int
    differs: int
    unknown: int
    exit_code: int


@dataclass(frozen=True, slots=True)
class DriftedVersion:
    """What some repositories hold of an item."""

    digest: str
    repositories: list[str]
    newest: bool


@dataclass(frozen=True, slots=True)
class DriftedUnsure:
    """Repositories of which nobody can say what they hold of an item."""

    reason: str
    repositories: list[str]


@dataclass(frozen=True, slots=True)
class DriftedItem:
    """An item that is not the same in all repositories that should be alike, or not known to be (`drift`)."""

    kind: str
    name: str
    versions: list[DriftedVersion]
    missing: list[str]
    unsure: list[DriftedUnsure]


@dataclass(frozen=True, slots=True)
class Drifting:
    """How repositories of one type stand to each other (`drift`), in numbers: the last line of each type."""

    kind: str
    repositories: list[str]
    against: str
    at: float
    items: int
    differing: int
    unsure: int
    unasked: list[str]
    exit_code: int
