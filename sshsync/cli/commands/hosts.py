"""``sshsync hosts check`` and ``sshsync hosts trust``."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sshsync.cli import complete
from sshsync.cli.options import Options, common
from sshsync.report import as_json

if TYPE_CHECKING:
    from sshsync.model.survey import Survey


@click.group()
@common
def hosts() -> None:
    """Look at the hosts, and look after their keys."""


@hosts.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete.repositories)
@common
@click.pass_context
def check(context: click.Context, names: tuple[str, ...]) -> None:
    """Connect to the hosts of all repositories, or of NAME only, and show what is there and what is missing.

    Nothing is changed. NAME may be a group (@GROUP) or a range too. The exit code is 0 when all can take part.
    """
    from sshsync.api import Sync
    from sshsync.core.selection import select

    options = context.ensure_object(Options)
    config = options.load_as_owner()
    wanted = [name for words in names for name in select(config.tree, words)]
    with Sync(config) as sync:
        found = sync.survey(wanted)
    if options.json:
        for survey in found:
            click.echo(as_json.line({"type": "survey", **asdict(survey)}))
    else:
        _show(options, found)
    codes = [survey.code for survey in found if survey.problem]
    context.exit(next((code for code in (10, 6, 75) if code in codes), 0))


def _show(options: Options, found: "list[Survey]") -> None:
    from sshsync.cli import display
    from sshsync.report import as_survey

    out = display.console(options)
    rows = [(as_survey.row(survey), "red" if survey.problem else "") for survey in found]
    display.grid(out, as_survey.HEADINGS, rows)
    for line in as_survey.details(found):
        out.print(line)


@hosts.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete.repositories)
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
    with Sync(options.load_as_owner()) as sync:
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
