"""The seam: a notice tells somebody that a run began and how it ended."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sshsync.model.events import Event
from sshsync.model.report import RunReport

TOLD = "told"
FAILURES_ONLY = "not told: it hears of failures only (--fail)"


class Past(Protocol):
    """What is on record about runs."""

    def events(self, run: str) -> Iterable[tuple[float, Event]]:
        """Return the events of a run, each with its time."""
        ...

    def before(self, run: str) -> int | None:
        """Return the exit code of the last real run before one; None for none, or one that did not end."""
        ...


class Notice(Protocol):
    """Tells somebody.

    Making one never fails. Its methods may raise anything: whoever calls them makes sure that a run never fails by it.
    """

    @property
    def name(self) -> str:
        """The configuration's key that asks for it."""
        ...

    def begin(self, run: str) -> None:
        """A run begins."""
        ...

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """A run ended.

        Args:
            report: what it did.
            in_sync: for every repository with a parent, the moment of which it was last known to equal its master.
        """
        ...

    def rehearse(self, report: RunReport) -> str:
        """Tell of a made-up run, but leave nothing that anybody takes for the truth about a real one.

        Returns:
            In words what was done.
        """
        ...
