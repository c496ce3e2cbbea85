"""Pages that a command writes where it was told to."""

import click

from sshsync.cli import display
from sshsync.cli.options import Options
from sshsync.errors import OutputError, UsageError


def check(options: Options, html: str | None) -> None:
    """Refuse a page and JSON on one stdout.

    Raises:
        UsageError: both are asked for.
    """
    if options.json and html == "-":
        raise UsageError("--html - and --json exclude each other: both are for stdout", hint="name a file")


def write(options: Options, html: str, page: str) -> None:
    """Write a page to a file, - for stdout, and say so.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with click.open_file(html, "wb") as out:
            out.write(page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(
            f"cannot write {html}: {error.strerror}", hint="name another file, or: --html - > FILE"
        ) from error
    if html != "-":
        display.remark(options, f"wrote {html}")
