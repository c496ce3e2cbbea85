"""``sshsync packages NAME``."""

import sys

import click

from sshsync.cli import complete, looking
from sshsync.cli.options import Options, common
from sshsync.errors import UsageError
from sshsync.report import as_holdings, as_packages


@click.command()
@click.argument("name", shell_complete=complete.repository)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "requirements")),
    default="text",
    help="`text`: name and version; `requirements`: as pip reads them again.",
)
@common
@click.pass_context
def packages(context: click.Context, name: str, form: str) -> None:
    """List the packages of NAME that take part by its `include` and `exclude`, with their versions.

    Nothing is changed. Exit code 7 when one of them is damaged, or something could not be listed.
    """
    options = context.ensure_object(Options)
    found = looking.held(options, name, (), fresh=False, digest="", all_of_it=False)
    if as_holdings.hashed(found) and found.items:
        raise UsageError(f"{name} holds no packages", hint=f"sshsync ls {name}")
    if options.json:
        looking.tell(looking.as_objects(name, found))
    else:
        looking.tell(as_packages.LINES[form](as_holdings.inventory(found)))
    sys.stdout.flush()
    context.exit(looking.told(options, name, found))
