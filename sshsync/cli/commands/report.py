"""``sshsync report [RUN] --html FILE``."""

import click

from sshsync.api import Sync
from sshsync.cli import display
from sshsync.cli.options import Options, common
from sshsync.report import as_json


@click.command()
@click.argument("run", default="")
@click.option("--html", metavar="FILE", help="Write one self-contained page to FILE; - is stdout.")
@common
@click.pass_context
def report(context: click.Context, run: str, html: str | None) -> None:
    """Show what RUN did, the latest one by default; the beginning of its id is enough. `report_dir` keeps pages."""
    from sshsync.cli import pages
    from sshsync.core.timeline import timeline
    from sshsync.report import as_html

    options = context.ensure_object(Options)
    pages.check(options, html)
    with Sync(options.load_as_owner()) as sync:
        found = sync.history(run)
        times = timeline(sync.journal.events(found.run))
    if html is not None:
        pages.write(options, html, as_html.page(found, times, options.command))
    elif options.json:
        click.echo(as_json.summary_line(found))
    else:
        display.summary(options, found)
