"""``sshsync rollback NAME...``."""

import click

from sshsync.cli import complete
from sshsync.cli.commands import run
from sshsync.cli.options import Options, common, waiting
from sshsync.core import selection
from sshsync.model.plan import Manner


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete.repositories)
@click.option(
    "--to",
    "back",
    default="last",
    metavar="RUN",
    help="The run before which they are to be again; the beginning of its id is enough. By default the last one that "
    "changed one of them.",
)
@click.option("--force", is_flag=True, help="Bring back also what somebody else changed since.")
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be done; exit code 11 when there is something.")
@waiting
@common
@click.pass_context
def rollback(context: click.Context, names: tuple[str, ...], back: str, force: bool, dry_run: bool) -> None:
    """Bring packages of NAMEs back to what they were before a run.

    Only what that run, and later ones, changed is touched, in reverse: other versions come back, and what was
    installed goes. It is a run like any other, with the same checks, and can be taken back itself. What somebody
    else changed since stays, and is told of (exit code 7), without --force.
    """
    options = context.ensure_object(Options)
    tree = options.load_as_owner().tree
    asked = list(dict.fromkeys(name for word in names for name in selection.select(tree, word)))
    manner = Manner(back=back, force=force)
    context.exit(run.synchronize(options, [asked], dry_run=dry_run, manner=manner))
