"""Reports: what a run did, as `core.fold` makes it of the events."""

from dataclasses import dataclass, field

from sshsync.model.called import UNKNOWN, Called
from sshsync.model.events import Outcome
from sshsync.model.narrow import Narrow
from sshsync.model.omission import Omission
from sshsync.model.plan import CONFIGURED, Manner
from sshsync.model.words import NEUTRAL, USUAL, Words


@dataclass(frozen=True, slots=True)
class ItemProblem:
    """One item that did not reach its goal; `outcome` is failed, blocked or deferred."""

    name: str
    reason: str
    outcome: Outcome
    code: int


@dataclass(slots=True)
class RepositoryReport:
    """What happened to one repository.

    Attributes:
        as_of: controller time of the scan of the master that the result equals, or 0.
        code: exit code that the error asks for.
        codes: the codes of all items that did not reach their goal, also of those that `problems` has no room for.
        kept: bytes that did not have to move because they were there already.
        saved: bytes of what was brought that did not have to move: they were copied out of other items there.
        shared: bytes of what moved that the parent did not have to send for it: they were read for another child.
        unfit: why preflight found its host unable to take part.
        allow: option of the command line that lets one run through what a guard refused, "" for none.
        deferred: items left for the next run because they are still being written.
        looked: items of it or its parent that took part.
        words: what its items are called; known when it has started.
        omitted: what it holds besides its items; `only` says why that is left out.
    """

    name: str
    parent: str = ""
    outcome: Outcome = Outcome.SKIPPED
    started: bool = False
    total: int = 0
    copied: int = 0
    unchanged: int = 0
    deleted: int = 0
    failed: int = 0
    deferred: int = 0
    skipped: int = 0
    blocked: int = 0
    adjusted: int = 0
    moved: int = 0
    resent: int = 0
    salvaged: int = 0
    planned: int = 0
    kept: int = 0
    saved: int = 0
    shared: int = 0
    retries: int = 0
    seconds: float = 0.0
    as_of: float = 0.0
    error: str = ""
    code: int = 0
    transient: bool = False
    problems: list[ItemProblem] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    unfit: str = ""
    allow: str = ""
    planned_changes: int = 0
    planned_copies: int = 0
    planned_deletions: int = 0
    looked: int = 0
    words: Words = USUAL
    omitted: list[Omission] = field(default_factory=list)
    only: str = ""


@dataclass(slots=True)
class RunReport:
    """What a run did. `exit_code` is None while the run has no end.

    Attributes:
        manner: how it went about its stages.
        out_of_time: which time was over before it was through, in words; "" for none.
    """

    run: str = ""
    started: float = 0.0
    finished: float = 0.0
    stages: list[list[str]] = field(default_factory=list)
    dry_run: bool = False
    continued: int = 0
    repositories: dict[str, RepositoryReport] = field(default_factory=dict)
    outcome: str = ""
    exit_code: int | None = None
    interrupted: bool = False
    out_of_time: str = ""
    called: Called = UNKNOWN
    manner: Manner = CONFIGURED

    @property
    def narrowed(self) -> Narrow:
        """What it looked at."""
        return self.manner.narrowed

    @property
    def jobs(self) -> list[RepositoryReport]:
        """The repositories that the run was asked to synchronize, in order."""
        names = [name for stage in self.stages for name in stage]
        return [self.repositories[name] for name in names if name in self.repositories]

    @property
    def sources(self) -> list[RepositoryReport]:
        """The repositories that others took from: what these hold and leave out, those do not get."""
        parents = {job.parent for job in self.jobs}
        return [found for found in self.repositories.values() if found.name in parents]

    @property
    def words(self) -> Words:
        """What the items of all its repositories are called: neutral where they are of several kinds."""
        said = {job.words for job in self.jobs if job.started} or {USUAL}
        return said.pop() if len(said) == 1 else NEUTRAL
