"""``sshsync sums NAME``."""

import sys

import click

from sshsync.cli import complete, looking
from sshsync.cli.options import Options, common
from sshsync.errors import UsageError
from sshsync.model.item import Item
from sshsync.report import as_holdings


@click.command()
@click.argument("name", shell_complete=complete.repository)
@looking.scanning
@common
@click.pass_context
def sums(context: click.Context, name: str, fresh: bool, digest: str) -> None:
    """Print the files of NAME with their digests, as SHA256SUMS has them: `sha256sum -c` checks them there.

    Nothing is changed. Names with a line feed or a backslash are escaped as sha256sum does it; on a terminal all that
    is not printable is, too. Digests other than sha256 are in the form that names them. Exit code 7 when something
    could not be listed or read.
    """
    options = context.ensure_object(Options)
    found = looking.held(options, name, (), fresh=fresh, digest=digest)
    if not as_holdings.hashed(found):
        raise UsageError(f"{name} holds no files, so there are no digests", hint=f"sshsync packages {name}")
    if options.json:
        looking.tell(looking.as_objects(name, found))
    else:
        _print([item for item in as_holdings.inventory(found) if item.digest])
    sys.stdout.flush()
    context.exit(looking.told(options, name, found))


def _print(items: list[Item]) -> None:
    """Print names as they are, for whoever reads them again; but a terminal takes some bytes for commands."""
    if sys.stdout.isatty():
        sys.stdout.writelines(map(as_holdings.checksum_shown, items))
        return
    for item in items:
        sys.stdout.buffer.write(as_holdings.checksum(item))
