"""Programs on the controller: a command of the operator's, and the local sendmail."""

import json
import os
import shlex
import socket
import subprocess
from collections.abc import Mapping
from email.message import EmailMessage

from sshsync.model.report import RunReport
from sshsync.notices.base import FAILURES_ONLY, TOLD
from sshsync.report import as_json, as_text

WITHIN = 60.0


class Program:
    """See `Notice`: runs a command when a run ends, without a shell, the summary as JSON on its input.

    Its environment tells SSHSYNC_RUN, SSHSYNC_OUTCOME, SSHSYNC_EXIT_CODE and SSHSYNC_HEADLINE.
    """

    name = "notify_command"

    def __init__(self, command: str) -> None:
        self._command = command

    def begin(self, run: str) -> None:
        """Nothing."""

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """Run it.

        Raises:
            ValueError: it is no command line.
            OSError: it cannot be started, or ended with a status other than 0.
        """
        del in_sync
        values = {
            "SSHSYNC_RUN": report.run,
            "SSHSYNC_OUTCOME": report.outcome,
            "SSHSYNC_EXIT_CODE": str(report.exit_code),
            "SSHSYNC_HEADLINE": as_text.headline(report),
        }
        _run(shlex.split(self._command), json.dumps(as_json.summary(report)).encode(), {**os.environ, **values})

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`."""
        self.end(report, {})
        return TOLD


class Mail:
    """See `Notice`: a mail through the local sendmail, for every run that did not end well."""

    name = "mail_to"

    def __init__(self, to: str, sendmail: str = "/usr/sbin/sendmail") -> None:
        self._to = to
        self._sendmail = sendmail

    def begin(self, run: str) -> None:
        """Nothing."""

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """Send the report unless everything is well."""
        del in_sync
        if report.exit_code == 0:
            return
        message = EmailMessage()
        message["To"] = self._to
        message["Subject"] = f"sshsync on {socket.gethostname()}: {as_text.headline(report)}"
        lines = [as_text.headline(report), "", *as_text.details(report), "", as_text.advice(report)]
        message.set_content("\n".join(lines).encode("utf-8", "backslashreplace").decode())
        _run([self._sendmail, "-t", "-oi"], message.as_bytes(), dict(os.environ))

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`."""
        self.end(report, {})
        return TOLD if report.exit_code else FAILURES_ONLY


def _run(words: list[str], stdin: bytes, environment: dict[str, str]) -> None:
    done = subprocess.run(words, input=stdin, env=environment, capture_output=True, timeout=WITHIN, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[:200]
        raise OSError(f"{words[0]} ended with status {done.returncode}: {said}")
