"""Who hears of what happens beside the journal: the log, the notices, and whoever asked for bugs."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from sshsync import logs
from sshsync.config.resolve import Settings
from sshsync.model.report import RunReport
from sshsync.model.words import visible
from sshsync.notices.base import Notice


class Telling:
    """Tells. Safe to use from several threads.

    Args:
        settings: name the log.

    Attributes:
        on_bug: takes a bug in the work on one repository; the log has it already.
    """

    def __init__(self, settings: Settings) -> None:
        self.on_bug: Callable[[BaseException], None] = lambda _bug: None
        self._settings = settings
        self._log: logs.Logger | None = None
        self._opening = threading.Lock()

    def log(self) -> logs.Logger | None:
        """Return the log, which only what has something to say opens; None where the configuration wants none.

        Raises:
            StateError: it cannot be written.
        """
        settings = self._settings
        with self._opening:
            if settings.log_file and not self._log:
                self._log = logs.to_file(Path(settings.log_file), settings.log_level, settings.log_format)
            return self._log

    def tell(self, notices: Sequence[Notice], what: Callable[[Notice], None]) -> dict[str, str]:
        """Call each notice; one that fails is a warning in the log and never the failure of a run.

        Returns:
            What went wrong, by the configuration's key that asks for the notice.
        """
        wrong = {}
        for notice in notices:
            try:
                what(notice)
            except Exception as error:  # noqa: BLE001 - whatever a hook does, the run has ended as it has
                wrong[notice.name] = visible(str(error) or type(error).__name__, 300)
                if log := self.log():
                    log.warning("notice failed", option=notice.name, reason=wrong[notice.name])
        return wrong

    def rehearse(self, notices: Sequence[Notice], report: RunReport) -> tuple[dict[str, str], dict[str, str]]:
        """Have each notice tell of a made-up run.

        Returns:
            What each did, and what went wrong, by the configuration's key that asks for it.
        """
        did: dict[str, str] = {}

        def rehearsed(notice: Notice) -> None:
            did[notice.name] = notice.rehearse(report)

        return did, self.tell(notices, rehearsed)

    def bug(self, repository: str, error: BaseException) -> None:
        """Take a bug in the work on a repository."""
        if log := self.log():
            log.error("bug", repository=repository, exc_info=error)
        self.on_bug(error)
