"""The seam: a notice tells somebody that a run began and how it ended."""

from collections.abc import Mapping
from typing import Protocol

from sshsync.model.report import RunReport

TOLD = "told"
FAILURES_ONLY = "not told: it hears of failures only (--fail)"


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
