"""Surveys: what a look at a repository's host found, before any run."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look found.

    Attributes:
        problem: why the repository cannot take part, or ""; `code` is the exit code that this asks for.
        platform, login_shell: what the host says of itself.
        root: missing, closed, readable or writable.
        digest: the command that makes digests there, `speed` its bytes a second, 0 when it was not measured.
        round_trip: seconds that the smallest script takes.
        clock: seconds that its clock is ahead of the controller's.
        free: bytes that the root's file system still takes, or None.
        durable: whether the host can flush one file system.
        ways: what is used for the list, the digests and the transfer.
        security: the algorithms that the connection agreed on, by their SSH names.
    """

    repository: str
    host: str
    problem: str = ""
    code: int = 0
    platform: str = ""
    login_shell: str = ""
    root: str = ""
    digest: str = ""
    speed: float = 0.0
    round_trip: float = 0.0
    clock: float = 0.0
    free: int | None = None
    durable: bool = False
    tools: tuple[str, ...] = ()
    ways: Mapping[str, str] = field(default_factory=dict)
    security: Mapping[str, str] = field(default_factory=dict)
