"""A command of the operator's on the controller."""

import json
import os
import shlex
import subprocess
from collections.abc import Mapping

from sshsync.model.report import RunReport
from sshsync.notices.base import TOLD
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
        run(shlex.split(self._command), json.dumps(as_json.summary(report)).encode(), {**os.environ, **values})

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`."""
        self.end(report, {})
        return TOLD


def run(words: list[str], stdin: bytes, environment: dict[str, str]) -> None:
    """Run a program to its end.

    Raises:
        OSError: it cannot be started, or ended with a status other than 0.
    """
    done = subprocess.run(words, input=stdin, env=environment, capture_output=True, timeout=WITHIN, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[:200]
        raise OSError(f"{words[0]} ended with status {done.returncode}: {said}")
