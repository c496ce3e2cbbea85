"""What one run is narrowed to, as it is named on the command line."""

from collections.abc import Callable
from typing import Any

import click

from sshsync.model.narrow import Narrow


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as `include` and `exclude`."""
    include = click.option(
        "--include",
        multiple=True,
        metavar="GLOB",
        help="Look in this one run only at files that match, as in a .gitignore; may be given several times. What the "
        "configuration leaves out stays out. The rest is neither brought nor deleted, and nothing is said of it: no "
        "repository counts as in sync by such a run. `resume` goes on with the same GLOBs.",
    )
    exclude = click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Leave out what matches, in this one run; as --include."
    )
    return include(exclude(command))


def narrow(include: tuple[str, ...], exclude: tuple[str, ...]) -> Narrow:
    """Return what the options say.

    Raises:
        click.UsageError: a pattern can match nothing.
    """
    if not (include or exclude):
        return Narrow()
    from sshsync.kinds import globs

    for option, patterns in (("--include", include), ("--exclude", exclude)):
        for pattern in patterns:
            blank = not pattern.strip() or pattern.startswith("#")
            wrong = [f"pattern {pattern!r}: names nothing"] if blank else globs.faults([pattern])
            if wrong:
                raise click.UsageError(f"{option}: {wrong[0]}; write it as in a .gitignore, such as '*.rpm' or lib/")
    return Narrow(include, exclude)
