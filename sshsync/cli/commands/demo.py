"""``sshsync demo``."""

import shutil
import tempfile
import time
from pathlib import Path

import click

from sshsync.cli.options import Options
from sshsync.errors import UsageError


@click.command()
@click.option("--keep", is_flag=True, help="Keep the files of the demonstration.")
@click.pass_context
def demo(context: click.Context, keep: bool) -> None:
    """See it work on this machine: four hosts, a chain, a corrupted file, a killed run and its resume.

    Needs no root and no sshd; takes less than a minute and leaves nothing behind.
    """
    from sshsync.demo.site import Site
    from sshsync.demo.story import Story, next_steps

    if context.ensure_object(Options).json:
        raise UsageError("the demonstration is for people", hint="leave --json away")
    began = time.monotonic()
    top = Path(tempfile.mkdtemp(prefix="sshsync-demo-"))
    site = Site(top, time.time())

    def head(words: str) -> None:
        click.secho(f"\n{words}", bold=True)

    try:
        site.open()
        Story(site, click.echo, head).tell()
    finally:
        site.close()
        if not keep:
            shutil.rmtree(top, ignore_errors=True)
    head(f"Done in {time.monotonic() - began:.0f} s. What to do next:")
    for line in next_steps(top if keep else None):
        click.echo(line)
