"""How repositories are, from what is on record: no host is asked."""

from dataclasses import asdict, dataclass, field

from sshsync.model.events import GOOD


@dataclass(frozen=True, slots=True)
class Arriving:
    """An item of which a part lies on a host, for the next run to go on with: `there` of `size` bytes."""

    name: str
    size: int
    there: int


@dataclass(slots=True)
class RepositoryStatus:
    """How a repository is, from the journal: `in_sync` is the last moment of which that can be said, or 0.

    Attributes:
        outcome, error, run: how it ended last, and in which run; "" for never.
        code, codes, transient: the exit code that its error asks for, those of its items; whether another try may help.
        overdue: seconds within which it should have been in sync and was not; 0 when it was, or when nobody asks.
    """

    name: str
    in_sync: float = 0.0
    outcome: str = ""
    error: str = ""
    run: str = ""
    arriving: list[Arriving] = field(default_factory=list)
    code: int = 0
    codes: tuple[int, ...] = ()
    transient: bool = False
    overdue: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it reached its goal when it was last synchronized, and that not too long ago."""
        return self.outcome in GOOD and not self.overdue

    def values(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return {**asdict(self), "ok": self.ok}
