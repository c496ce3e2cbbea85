"""Events: the engine's only output. Log, progress, journal and report are made of the same stream.

Events are plain values; names of items travel as text in which undecodable bytes are kept by Python's
``surrogateescape``, so every event survives JSON unchanged (`model.written`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from sshsync.model.item import Key
from sshsync.model.words import USUAL


class Outcome(StrEnum):
    """How a repository, or a run, ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    PARTIAL = "partial"
    FAILED = "failed"
    BLOCKED = "blocked"
    REFUSED = "refused"
    SKIPPED = "skipped"
    DEFERRED = "deferred"


GOOD = frozenset({Outcome.DONE, Outcome.UNCHANGED, Outcome.DEFERRED})
"""Outcomes of a repository that reached its goal."""


def key_text(key: Key) -> str:
    """Return the key as text, reversibly."""
    return key.decode("utf-8", "surrogateescape")


def key_of(name: str) -> Key:
    """Undo `key_text`."""
    return name.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or an unfinished one goes on (`continued`); four are as in `Called`, six as in `Manner`."""

    run: str
    at: float
    stages: list[list[str]]
    dry_run: bool = False
    continued: bool = False
    version: str = ""
    command: str = ""
    line: str = ""
    config: str = ""
    controller: str = ""
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    like: str = ""
    halt: bool = False
    back: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class RepositoryStarted:
    """Work on a repository begins; the others say what its items are called."""

    repository: str
    parent: str
    one: str = USUAL.one
    many: str = USUAL.many
    bring: str = USUAL.bring
    brought: str = USUAL.brought


@dataclass(frozen=True, slots=True)
class Scanned:
    """A repository was scanned: `as_of` is the controller's time, `hashed` the bytes read for digests. `omitted` tells
    what was `skipped`, as [name of one, number, word for one, for several]: an item is `only` something else."""

    repository: str
    items: int
    bytes: int
    skipped: int
    hashed: int
    as_of: float
    complete: bool
    omitted: list[tuple[str, int, str, str]] = field(default_factory=list)
    only: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a repository needs: `bytes` have to move, `kept` bytes are there already.

    Attributes:
        done, done_bytes: what of it was brought before this plan, while the parent was still being synchronized.
        empties, links: directories with nothing in them to make or remove; links to make, or to lead elsewhere.
        bring: what is done with what is missing.
    """

    repository: str
    copy: int
    replace: int
    adjust: int
    delete: int
    unchanged: int
    bytes: int
    excluded: int = 0
    kept: int = 0
    done: int = 0
    done_bytes: int = 0
    empties: int = 0
    links: int = 0
    bring: str = USUAL.bring


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One planned change; written for dry runs, and at debug level for real ones.

    Attributes:
        bring: what is done with what is missing.
        old, new: versions, where items have such; `down` when the new one is the older of the two.
    """

    repository: str
    kind: str
    name: str
    bytes: int
    bring: str = USUAL.bring
    old: str = ""
    new: str = ""
    down: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of items that came since the last one, as they are when nothing is compressed. Never kept."""

    repository: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Published:
    """Files became visible on the child, verified. `items` holds [name, digest, size].

    `salvaged` tells that an earlier, interrupted run had moved the bytes already.
    """

    repository: str
    items: list[tuple[str, str, int]]
    bytes: int
    salvaged: bool = False


@dataclass(frozen=True, slots=True)
class Resent:
    """Bytes that had to be sent again."""

    repository: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Saved:
    """Bytes that did not have to be sent: they were copied out of other items of the repository, or compressed on their
    way. `name` is that of an item, the first of several that came together."""

    repository: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Shared:
    """Bytes of what was moved that its parent did not have to send for it: they were read for another child of it."""

    repository: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Chunks of an item that went over the wire, as [offset, bytes, digest in hexadecimal]: they may have arrived.

    Some seconds apart, for the journal alone. Without chunks: nothing of the item with this digest is there any more.
    """

    repository: str
    name: str
    digest: str
    size: int
    chunks: list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Verified:
    """Items found equal to their origin, or known to be gone (digest ""). Changes of what is on record only."""

    repository: str
    items: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Mode or time of files was set; their bytes were right."""

    repository: str
    names: list[str]


@dataclass(frozen=True, slots=True)
class Before:
    """What a child held before it was changed, as [name, digest], where that is the way back; with it what is going to
    be other then: `changes` holds [name, digest], "" for one that goes. `place` is what the records about it are bound
    to: the same name with another host or path is another repository."""

    repository: str
    items: list[tuple[str, str]]
    changes: list[tuple[str, str]]
    place: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """Files were deleted on the child."""

    repository: str
    names: list[str]


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """One item did not reach its goal: `outcome` is failed, blocked or deferred."""

    repository: str
    name: str
    reason: str
    outcome: Outcome = Outcome.FAILED
    code: int = 7


@dataclass(frozen=True, slots=True)
class Retried:
    """A step is tried again after `wait` seconds."""

    repository: str
    step: str
    attempt: int
    reason: str
    wait: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """The run waits, for the reason given."""

    repository: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Remarked:
    """Something an operator should know that is no failure."""

    repository: str
    text: str


@dataclass(frozen=True, slots=True)
class Decided:
    """How something is done, as it was found out, for whoever wants to know why."""

    repository: str
    text: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """Preflight found that a repository's host cannot take part, for a reason that trying again cannot cure."""

    repository: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A guard said no; `option` of the command line lets one run through, "" for none."""

    repository: str
    option: str


@dataclass(frozen=True, slots=True)
class RepositoryFinished:
    """Work on a repository ended. `code` is the exit code that its error asks for.

    `as_of` is the controller's time of the master's scan that the repository equals now, 0 when it does not; behind a
    parent that did not reach its goal in the same run nobody does. Such a one is `partial` and counts as its cause.
    `narrowed` tells that only a part of it was looked at: what this says is true of that part alone.
    """

    repository: str
    outcome: Outcome
    seconds: float
    items: int = 0
    as_of: float = 0.0
    error: str = ""
    code: int = 0
    transient: bool = False
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended by itself or by a signal; what it did in all its goes, in numbers of items and `moved` bytes.

    `out_of_time` says which time was over before it was through, "" for none; then it counts as interrupted, too.
    """

    run: str
    at: float
    outcome: Outcome
    exit_code: int
    interrupted: bool = False
    good: int = 0
    brought: int = 0
    deleted: int = 0
    failed: int = 0
    moved: int = 0
    out_of_time: str = ""


Event = (
    RunStarted
    | RepositoryStarted
    | Scanned
    | Planned
    | PlannedChange
    | Progress
    | Published
    | Resent
    | Saved
    | Shared
    | Sent
    | Verified
    | Adjusted
    | Before
    | Deleted
    | ItemFailed
    | Retried
    | Waiting
    | Remarked
    | Decided
    | Unfit
    | Refused
    | RepositoryFinished
    | RunFinished
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a run: `at` is the controller's time in seconds since the epoch."""

    run: str
    at: float
    event: Event


Emit = Callable[[Event], None]
"""Whoever takes events: a sink, or the engine's fan-out."""
