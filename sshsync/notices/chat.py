"""Chat and other services, by the apprise package (the extra ``notify``)."""

from collections.abc import Mapping, Sequence

from sshsync.model.report import RunReport
from sshsync.notices.base import FAILURES_ONLY, TOLD
from sshsync.report import as_text


class Chat:
    """See `Notice`: a message for every run that did not end well.

    Args:
        urls: services in apprise's spelling; they hold secrets, so no message of ours ever names one.
    """

    name = "notify_url"

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls

    def begin(self, run: str) -> None:
        """Nothing."""

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`."""
        self.end(report, {})
        return TOLD if report.exit_code else FAILURES_ONLY

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """Send the report unless everything is well.

        Raises:
            OSError: apprise is not installed, knows no such service, or the service did not take the message.
        """
        del in_sync
        if report.exit_code == 0:
            return
        try:
            import apprise
        except ImportError as error:
            raise OSError("apprise is not installed: pip install 'sshsync[notify]'") from error
        service = apprise.Apprise()
        for number, url in enumerate(self._urls, 1):
            if not service.add(url):
                raise OSError(f"address {number} is none that apprise knows")
        words = "\n".join([*as_text.details(report), as_text.advice(report), *as_text.circumstances(report)]).encode(
            "utf-8", "backslashreplace"
        )
        title = f"sshsync: {as_text.headline(report)}"
        if not service.notify(body=words.decode(), title=title, notify_type=apprise.NotifyType.FAILURE):
            raise OSError("a service did not take the message")
