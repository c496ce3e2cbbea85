"""What guards refuse, let through for one run: named on the command line, or asked for on a terminal."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from sshsync.cli import complete
from sshsync.cli.options import Options

if TYPE_CHECKING:
    from sshsync.config.resolve import Config
    from sshsync.model.report import RunReport


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one run may do: `max_delete` deletions in each repository, None for what is configured; `empty` masters."""

    max_delete: int | None = None
    empty: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.max_delete is not None or bool(self.empty)

    def words(self) -> str:
        """Return the options that say so."""
        most = [] if self.max_delete is None else [f"--max-delete {self.max_delete}"]
        return " ".join([*most, *(f"--allow-empty {name}" for name in self.empty)])

    def and_also(self, options: Iterable[str]) -> "Allowed":
        """Return what is allowed with more options, as refusals name them."""
        made = self
        for option in options:
            name, _, value = option.partition(" ")
            if name == "--max-delete":
                made = replace(made, max_delete=max(made.max_delete or 0, int(value)))
            elif name == "--allow-empty" and value not in made.empty:
                made = replace(made, empty=(*made.empty, value))
        return made


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as `max_delete` and `empty`."""
    most = click.option(
        "--max-delete",
        type=click.IntRange(0),
        metavar="N",
        help="Let this one run delete up to N items of each repository, whatever `max_delete` says.",
    )
    empty = click.option(
        "--allow-empty",
        "empty",
        multiple=True,
        metavar="NAME",
        shell_complete=complete.repositories,
        help="Let this one run take it for true that repository NAME is empty.",
    )
    return most(empty(command))


def applied(config: "Config", allowed: Allowed) -> "Config":
    """Return the configuration of a run that may do so.

    Raises:
        UnknownRepositoryError: no such repository.
    """
    from sshsync.core import planner
    from sshsync.model.policy import MaxDelete
    from sshsync.model.topology import Tree

    repositories = dict(config.tree.repositories)
    for name in allowed.empty:
        repositories[name] = replace(planner.known(config.tree, name), allow_empty=True)
    if allowed.max_delete is not None:
        most = MaxDelete(allowed.max_delete, 100.0)
        repositories = {name: replace(found, max_delete=most) for name, found in repositories.items()}
    return replace(config, tree=Tree(repositories))


def asked(options: Options, report: "RunReport", allowed: Allowed) -> Allowed:
    """Return what a person at the terminal allows after a refusal; nothing where there is nobody, or who wants none."""
    from sshsync.model.events import Outcome

    refused = [job.allow for job in report.jobs if job.outcome is Outcome.REFUSED and job.allow]
    somebody = sys.stdin.isatty() and sys.stderr.isatty() and not (options.quiet or options.json or report.dry_run)
    if not refused or not somebody:
        return Allowed()
    more = allowed.and_also(refused)
    try:
        yes = click.confirm(f"Let one more run through with {more.words()}?", default=False, err=True)
    except click.Abort:
        click.echo(err=True)
        return Allowed()
    return more if yes else Allowed()
