"""What commands share that look at what repositories hold."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from sshsync.cli.options import Options
from sshsync.report import answers, as_holdings, as_json

if TYPE_CHECKING:
    from sshsync.api import Sync, Visit
    from sshsync.model.item import Snapshot

PARTIAL = 7
"""Exit code: something could not be looked at."""

_DIGESTS = ("md5", "sha1", "sha256", "sha512")


def scanning(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what scans: ``fresh`` and ``digest``."""
    fresh = click.option("--fresh", is_flag=True, help="Read every file again, whatever is on record of its digest.")
    digest = click.option(
        "--digest",
        type=click.Choice(_DIGESTS),
        callback=lambda _context, _option, value: value or "",
        help="Make digests of this kind, by the hosts' own tools.",
    )
    return fresh(digest(command))


@contextmanager
def visit(options: Options) -> "Iterator[tuple[Sync, Visit]]":
    """Visit the hosts with an engine; a signal ends the work there."""
    from sshsync.api import Sync
    from sshsync.cli import signals

    with Sync(options.load_as_owner()) as sync, sync.visit() as made, signals.handled(made.interrupt):
        yield sync, made


def held(
    options: Options, name: str, only: Iterable[str], *, fresh: bool, digest: str, all_of_it: bool = True
) -> "Snapshot":
    """Return what a repository holds; of that what takes part, or all of it.

    Raises:
        SshsyncError: it could not be scanned, or its root is missing.
    """
    from sshsync.engine.holdings import missing

    with visit(options) as (_, made):
        (found,) = made.scan([name], only=tuple(only), fresh=fresh, digest=digest, all_of_it=all_of_it)
    if not found.existed:
        raise missing(found)
    return found


def tell(lines: Iterable[str]) -> None:
    """Print lines on stdout, many at a time."""
    for line in lines:
        sys.stdout.write(line + "\n")


def as_objects(name: str, found: "Snapshot") -> Iterator[str]:
    """Yield what a repository holds as lines of JSON."""
    return (as_json.answer_line(as_holdings.listed(name, item)) for item in as_holdings.inventory(found))


def told(options: Options, name: str, found: "Snapshot") -> int:
    """Tell what could not be looked at, and return the exit code."""
    lacking = as_holdings.lacking(found)
    for words in lacking:
        if options.json:
            tell([as_json.answer_line(answers.Error(PARTIAL, words, name))])
        click.echo(f"sshsync: {name}: {words}", err=True)
    return PARTIAL if lacking else 0
