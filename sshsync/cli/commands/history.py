"""``sshsync history [RUN]``."""

import click

from sshsync.api import Sync
from sshsync.cli import display
from sshsync.cli.options import Options, common
from sshsync.report import answers, as_json, words


@click.command()
@click.argument("run", default="")
@click.option("--most", default=20, show_default=True, help="How many runs to list.")
@common
@click.pass_context
def history(context: click.Context, run: str, most: int) -> None:
    """List earlier runs, or show RUN (the beginning of its id is enough) in full."""
    options = context.ensure_object(Options)
    with Sync(options.load_as_owner()) as sync:
        if run:
            report = sync.history(run)
            events = [event for _, event in sync.journal.events(report.run)] if options.json else []
        else:
            rows = sync.journal.runs(most)
    if run and options.json:
        for line in filter(None, map(as_json.event_line, events)):
            click.echo(line)
        click.echo(as_json.summary_line(report))
    elif run:
        display.summary(options, report)
    elif options.json:
        for row in rows:
            click.echo(as_json.answer_line(answers.Run(**row)))
    else:
        out = display.console(options)
        for row in rows:
            stages = " ".join("--sync " + ",".join(stage) for stage in row["stages"])
            out.print(f"{row['id']}  {words.moment(row['started'])}  {_ended(row):<22} {stages}")
        if not rows:
            out.print("no run is on record yet")


def _ended(row: dict[str, object]) -> str:
    if row["finished"] is None:
        return "abandoned" if row["abandoned"] else "unfinished"
    kind = "dry run, " if row["dry"] else ""
    return f"{kind}exit code {row['exit_code']}"
