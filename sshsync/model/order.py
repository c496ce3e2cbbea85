"""Orders and what comes back: plain values that an executor may send anywhere.

An order names repositories; whoever carries it out knows them from its own copy of the configuration and opens its own
connections with its own keys. So no order can hold a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sshsync.model.events import Outcome
from sshsync.model.item import Digest, Key, Snapshot
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
        vouched: digests at which sshsync verified its items, in this run or an earlier one. Empty for a master, whose
            own scan is the origin.
        as_of: the moment of the master's state that a success brings to a child, in seconds since the epoch; 0 when
            no such moment can be told.
        remark: what each child's operator should know about it, "" for nothing.
        recorded: number of items that are on record there.
    """

    snapshot: Snapshot
    vouched: Mapping[Key, Digest] = field(default_factory=dict)
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
        offer: of the job's parent; None for a job that only looks at its repository.
    """

    run: str
    job: Job
    offer: Offer | Blocked | None = None
    dry_run: bool = False


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
