"""What the library answers with: plain values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sshsync.model.report import RunReport


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended; `untold` names who could not be told of it, and why."""

    exit_code: int
    report: RunReport
    untold: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arriving:
    """An item of which a part lies on a host, for the next run to go on with: `there` of `size` bytes."""

    name: str
    size: int
    there: int


@dataclass(slots=True)
class RepositoryStatus:
    """How a repository is, from the journal: `in_sync` is the last moment of which that can be said, or 0."""

    name: str
    in_sync: float = 0.0
    outcome: str = ""
    error: str = ""
    run: str = ""
    arriving: list[Arriving] = field(default_factory=list)

    def values(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return asdict(self)
