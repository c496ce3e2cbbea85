"""Orders and what comes back: plain values that an executor may send anywhere.

An order names repositories; whoever carries it out knows them from its own copy of the configuration and opens its own
connections with its own keys. So no order can hold a secret.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sshsync.model.events import Outcome
from sshsync.model.item import Key, Snapshot
from sshsync.model.plan import Job


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: its outcome, and what its error asks for."""

    outcome: Outcome
    code: int = 0
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What a parent holds for its children.

    Attributes:
        snapshot: what is there; incomplete where nothing may be deleted because of what it lacks.
        vouched: its items that sshsync itself verified there in this run.
        altered: its items that are not as sshsync verified them there, in this run or an earlier one.
        unknown: number of its items that sshsync never verified there. None of a master is: its own scan is the origin.
        as_of: the moment of the master's state that a success brings to a child, in seconds since the epoch; 0 when
            no such moment can be told.
        remark: what each child's operator should know about it, "" for nothing.
        recorded: number of items that are on record there.
    """

    snapshot: Snapshot
    vouched: Collection[Key] = ()
    altered: frozenset[Key] = frozenset()
    unknown: int = 0
    as_of: float = 0.0
    remark: str = ""
    recorded: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a parent offers nothing, and what that asks for."""

    reason: str
    code: int = 0
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One job with all that has to be known about other jobs to carry it out.

    Attributes:
        offer: of the job's parent; None for a job that only looks at its repository, and where it follows.
        follows: the parent is still being synchronized or looked at, in the same process.
    """

    run: str
    job: Job
    offer: Offer | Blocked | None = None
    dry_run: bool = False
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """How an order ended.

    Attributes:
        offer: what the repository holds now, as far as that is known: in full, or why not; None when nobody looked.
        items: their number.
        reason: why it ended as it did, "" when there is nothing to say.
    """

    job: Job
    ended: Ended
    offer: Offer | Blocked | None = None
    items: int = 0
    reason: str = ""
