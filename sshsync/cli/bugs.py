"""Bugs: whatever nobody expected is told in one line, and its traceback is kept."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from sshsync.cli.options import Options
from sshsync.errors import SshsyncError
from sshsync.model.words import visible


def tell(options: Options, bug: Exception) -> str:
    """Tell of a bug, and return it in words.

    The traceback goes into the log file, and to stderr when that was asked for or when there is no log to keep it.
    """
    file = _logged(options, bug)
    where = f"its traceback is in {file}" if file else "its traceback follows"
    words = visible(str(bug), 300)
    told = f"bug: {type(bug).__name__}: {words}"
    click.echo(f"sshsync: {told} ({where}; please report it)", err=True)
    if options.verbose or not file:
        traceback.print_exception(bug, file=sys.stderr)
    return told


def in_work(options: Options) -> Callable[[BaseException], None]:
    """Return who takes bugs in the work on one repository, which have their line in the report already."""

    def show(bug: BaseException) -> None:
        if options.verbose or not (options.settings and options.settings.log_file):
            traceback.print_exception(bug, file=sys.stderr)

    return show


def _logged(options: Options, bug: Exception) -> str:
    """Return the log file that has the traceback now, "" for none."""
    from sshsync import logs

    settings = options.settings
    if settings is None or not settings.log_file:
        return ""
    try:
        log = logs.to_file(Path(settings.log_file), settings.log_level, settings.log_format)
        log.error("bug", exc_info=bug)
    except (SshsyncError, OSError):
        return ""
    return settings.log_file
