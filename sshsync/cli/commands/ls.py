"""``sshsync ls NAME [GLOB...]``."""

import sys

import click

from sshsync.cli import complete, looking
from sshsync.cli.options import Options, common
from sshsync.report import as_holdings


@click.command()
@click.argument("name", shell_complete=complete.repository)
@click.argument("patterns", nargs=-1, metavar="[GLOB]...")
@looking.scanning
@common
@click.pass_context
def ls(context: click.Context, name: str, patterns: tuple[str, ...], fresh: bool, digest: str) -> None:
    """List the files of NAME, or those that match a GLOB: size in bytes, time, beginning of the digest, path.

    Nothing is changed. GLOB is written as in `include`; what `include` and `exclude` leave out is listed, too. Exit
    code 7 when something could not be listed or read.
    """
    options = context.ensure_object(Options)
    found = looking.held(options, name, patterns, fresh=fresh, digest=digest)
    if options.json:
        looking.tell(looking.as_objects(name, found))
    else:
        looking.tell(as_holdings.lines(as_holdings.inventory(found)))
    sys.stdout.flush()
    context.exit(looking.told(options, name, found))
