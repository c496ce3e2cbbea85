"""``sshsync status``: one line for each repository."""

import click

from sshsync.api import Sync
from sshsync.cli import display
from sshsync.cli.options import Options, common
from sshsync.model.events import GOOD
from sshsync.report import as_json, words


@click.command()
@common
@click.pass_context
def status(context: click.Context) -> None:
    """Is every repository in sync, since when, what failed, and how to go on."""
    options = context.ensure_object(Options)
    with Sync(options.load_as_owner()) as sync:
        rows = sync.status()
        latest = sync.journal.latest()
        report = sync.history(latest["id"]) if latest else None
        running = sync.running()
    if options.json:
        values = [row.values() for row in rows]
        click.echo(as_json.line({"type": "status", "running": running, "repositories": values}))
        if report:
            click.echo(as_json.summary_line(report))
        return
    out = display.console(options)
    for row in rows:
        state = f"in sync as of {words.moment(row.in_sync)}" if row.in_sync else "never in sync"
        if row.outcome and row.outcome not in GOOD:
            told = report is not None and row.run == report.run
            state += f"; last run: {row.outcome}" + (f": {row.error}" if row.error and not told else "")
        out.print(f"{row.name}: {state}")
        for one in row.arriving:
            out.print(f"{row.name}: {words.item(one.name)} {words.size(one.there)} of {words.size(one.size)} is there")
    if report is None:
        out.print(f"no run is on record yet; start one with: {options.command} --all")
        return
    from sshsync.report import as_text

    for line in as_text.failures(report):
        out.print(line)
    out.print(as_text.headline(report, running))
    if advice := as_text.advice(report, options.command, running):
        out.print(advice)
