"""What the library answers with: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sshsync.model.report import RunReport


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended; `untold` names who could not be told of it, and why."""

    exit_code: int
    report: RunReport
    untold: Mapping[str, str] = field(default_factory=dict)
