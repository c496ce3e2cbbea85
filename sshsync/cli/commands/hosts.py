"""``sshsync hosts trust``."""

import click

from sshsync.cli.options import Options, common


@click.group()
@common
def hosts() -> None:
    """Look after host keys."""


@hosts.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Record without asking: only for hosts that nobody can have tampered with.")
@common
@click.pass_context
def trust(context: click.Context, names: tuple[str, ...], yes: bool) -> None:
    """Show the key of a repository's host and record it as known.

    Compare the fingerprint with what the host's operator says: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    from sshsync.api import Sync
    from sshsync.errors import HostKeyError

    options = context.ensure_object(Options)
    with Sync(options.load()) as sync:
        for name in names:
            seen = sync.host_key(name)
            if seen.known:
                click.echo(f"{name} ({seen.label}): {seen.key.type} {seen.key.fingerprint}: already known")
                continue
            click.echo(f"{name} ({seen.label}) shows {seen.key.type} {seen.key.fingerprint}")
            if not yes and not _confirmed():
                raise HostKeyError("its key is not recorded", where=seen.label, hint="answer y, or use --yes")
            file = sync.trust(seen)
            click.echo(f"{name}: recorded in {file}")


def _confirmed() -> bool:
    try:
        return click.confirm("Is this the right key?")
    except click.Abort:
        click.echo()
        return False
