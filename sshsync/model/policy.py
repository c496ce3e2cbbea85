"""Policies: how careful, how patient, how parallel."""

from dataclasses import dataclass
from enum import StrEnum

LOCAL = "local"
"""The way to a host that is the controller itself; every other way leads to another host."""


class TransferKind(StrEnum):
    """How bytes move; `auto` is `command` where a `synccmd` is given, else `relay`, else `scp`: never `direct`."""

    AUTO = "auto"
    RELAY = "relay"
    COMMAND = "command"
    SCP = "scp"
    DIRECT = "direct"


class Compress(StrEnum):
    """Whether bytes are compressed on their way; `auto` is: where that brings them sooner."""

    NO = "no"
    YES = "yes"
    AUTO = "auto"


class Links(StrEnum):
    """What becomes of symbolic links."""

    SKIP = "skip"
    COPY = "copy"
    FOLLOW = "follow"


class Auto(int):
    """The number 0 that stands for: as is found out by itself. A file calls it ``auto``."""

    def __str__(self) -> str:
        return "auto"


class Mode(int):
    """Permissions of a file. A configuration writes them in octal, as chmod does."""

    def __str__(self) -> str:
        return f"{self:04o}"


@dataclass(frozen=True, slots=True)
class MaxDelete:
    """Limit of deletions in one repository and run: whichever of the two is reached first refuses."""

    count: int
    percent: float

    def exceeded(self, deletions: int, items: int) -> bool:
        """Tell whether `deletions` of `items` are more than is allowed."""
        return deletions > self.count or deletions * 100 > self.percent * items


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a step is tried, by class of error; times in seconds.

    `transient` counts tries without progress: progress starts the count anew.
    """

    transient: int
    changed: int = 3
    corrupt: int = 2
    first_wait: float = 1.0
    longest_wait: float = 60.0
    unreachable: float = 30.0


@dataclass(frozen=True, slots=True)
class Install:
    """How packages are changed.

    Attributes:
        sudo: by root, whom the account may become without a password.
        downgrade: to an older version, too.
        sources: build what is there as source only.
        hashes: compare each file of what was changed with what was installed.
        externally_managed: ``change`` for also what the system says is its own package manager's business (PEP 668).
        besides: what dnf may change that nobody asked for: ``refuse`` for nothing, ``dependencies`` for what a wanted
            package needs and is missing, ``any``.
        held: ``change`` for also what the host's own configuration holds at a version.
        rollback: ``auto`` to put back at once what does not do well.
    """

    sudo: bool = False
    downgrade: bool = True
    sources: bool = False
    hashes: bool = True
    externally_managed: str = "refuse"
    besides: str = "dependencies"
    held: str = "respect"
    rollback: str = "no"
