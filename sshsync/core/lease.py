"""Who works on a child, and whether he still can: the words that a lease holds, and what they prove."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

RENEWAL = 10.0
"""Seconds after which a holder renews his lease."""

UNKNOWN = "?"
"""What is known of a process that is there but cannot be looked at."""

DEAD_AFTER = 120.0
"""Seconds without a renewal, by the clock of whoever waits, after which a holder counts as dead."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One process of one controller.

    Attributes:
        machine, boot, space: what tells machines, their starts and their process namespaces apart; "" where not known.
        begun: when the process began, as its system counts; with `pid` it names one process for ever.
        since: the controller's own time in words, for people.
        lock: the file whose lock it takes for its runs: one process has one run at a time with it.
    """

    host: str
    machine: str
    boot: str
    space: str
    pid: int
    begun: str
    since: str
    lock: str = ""

    def text(self) -> str:
        """Return the owner as one line."""
        return json.dumps(asdict(self))

    def words(self) -> str:
        """Return who it is, for people; not yet fit for a screen."""
        return f"pid {self.pid} on {self.host} since {self.since}"


@dataclass(frozen=True, slots=True)
class Here:
    """This process and what it knows of the time.

    Attributes:
        begun: gives when a process beside it began, "" when there is none of that number, `UNKNOWN` when it is hidden.
        clock: seconds since the epoch.
        monotonic: seconds that never jump.
        rest: waits for seconds; None to wait in the ordinary way.
    """

    owner: Owner
    begun: Callable[[int], str]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    rest: Callable[[float], object] | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, as a child tells it: `sign` changes with every renewal."""

    token: str = ""
    owner: Owner | None = None
    sign: bytes = b""


def parse(payload: bytes) -> Holder:
    """Read the answer of a claim that somebody else's lease turned down; what makes no sense is left out."""
    token, owner = "", None
    for line in payload.splitlines():
        word, _, rest = line.partition(b" ")
        if word == b"token":
            token = rest.decode("ascii", "replace")
        elif word == b"owner":
            owner = _owner(rest)
    return Holder(token, owner, payload)


def gone(owner: Owner | None, here: Here) -> bool:
    """Tell whether the owner is known to be dead: a process of this machine that is gone, or an earlier run of ours.

    Of a process that is there, or that cannot be seen from here, only its renewals tell whether it still works.
    """
    if owner is None or not owner.boot:
        return False
    mine = here.owner
    if owner.boot == mine.boot and owner.space and owner.space == mine.space:
        if (owner.pid, owner.begun) == (mine.pid, mine.begun):
            return bool(mine.lock) and owner.lock == mine.lock
        return owner.pid > 0 and here.begun(owner.pid) not in (owner.begun, UNKNOWN)
    if owner.boot == mine.boot:
        return False
    return bool(owner.machine) and (owner.machine, owner.host) == (mine.machine, mine.host)


def _owner(words: bytes) -> Owner | None:
    """Read an owner; a child may have written anything there."""
    try:
        values = json.loads(words)
        found = Owner(**{field.name: values[field.name] for field in fields(Owner)})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fit = all(type(getattr(found, field.name)) is field.type for field in fields(Owner))
    return found if fit else None
