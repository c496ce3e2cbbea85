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
    from sshsync.core.timeline import timeline
    from sshsync.errors import OutputError, UsageError
    from sshsync.report import as_html

    options = context.ensure_object(Options)
    if options.json and html == "-":
        raise UsageError("--html - and --json exclude each other: both are for stdout", hint="name a file")
    with Sync(options.load_as_owner()) as sync:
        found = sync.history(run)
        times = timeline(sync.journal.events(found.run))
    if html is None:
        if options.json:
            click.echo(as_json.summary_line(found))
        else:
            display.summary(options, found)
        return
    page = as_html.page(found, times, options.command).encode("utf-8", "backslashreplace")
    try:
        with click.open_file(html, "wb") as out:
            out.write(page)
    except OSError as error:
        raise OutputError(
            f"cannot write {html}: {error.strerror}", hint="name another file, or: --html - > FILE"
        ) from error
    if html != "-":
        display.remark(options, f"wrote {html}")
