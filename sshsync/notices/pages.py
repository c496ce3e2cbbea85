"""A page of HTML for each run, kept in a directory."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sshsync.core.timeline import timeline
from sshsync.model.events import Event
from sshsync.model.report import RunReport
from sshsync.notices.files import replaced, untouched
from sshsync.report import as_html

KEPT = 200
LATEST = "latest.html"


class Pages:
    """See `Notice`: writes RUN.html when a run ends, and lets latest.html lead to it.

    Args:
        directory: made when it is missing; the oldest pages beyond `KEPT` are removed from it.
        events: returns the events of a run with their times.
    """

    name = "report_dir"

    def __init__(self, directory: Path, events: Callable[[str], Iterable[tuple[float, Event]]]) -> None:
        self._directory = directory
        self._events = events

    def begin(self, run: str) -> None:
        """Nothing: a page tells of a run that ended."""

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """Write the page."""
        del in_sync
        self._make()
        file = self._directory / f"{report.run}.html"
        replaced(file, as_html.page(report, timeline(self._events(report.run))))
        self._lead_to(file)

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`: a page tells of a real run."""
        del report
        self._make()
        return untouched(self._directory, self._directory)

    def _make(self) -> None:
        self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)

    def _lead_to(self, file: Path) -> None:
        link = self._directory / f".{LATEST}.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(file.name)
        link.replace(self._directory / LATEST)
        pages = sorted(page for page in self._directory.glob("[0-9]*.html") if not page.is_symlink())
        for old in pages[:-KEPT]:
            old.unlink(missing_ok=True)
