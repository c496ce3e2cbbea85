"""``sshsync history [RUN]`` and ``sshsync history --file PATH``."""

import os
from itertools import islice

import click

from sshsync.api import Sync
from sshsync.cli import display
from sshsync.cli.options import Options, common
from sshsync.errors import UsageError
from sshsync.model.events import key_text
from sshsync.report import answers, as_history, as_json


@click.command()
@click.argument("run", default="")
@click.option("--most", default=20, show_default=True, help="How many runs, or changes of a file, to list.")
@click.option("--file", "file", metavar="PATH", help="When which version of the file PATH reached which repository.")
@common
@click.pass_context
def history(context: click.Context, run: str, most: int, file: str | None) -> None:
    """List earlier runs, or show RUN (the beginning of its id is enough) in full.

    PATH is that of a file below the root of its repository. The last 200 runs are on record, with the digest of each
    file that they published; the digest at which a file was last verified stays for good.
    """
    options = context.ensure_object(Options)
    if run and file is not None:
        raise UsageError("RUN and --file exclude each other")
    with Sync(options.load_as_owner()) as sync:
        if file is not None:
            _of_file(options, sync, file, most)
        elif run:
            _of_run(options, sync, run)
        else:
            _runs(options, sync, most)


def _of_run(options: Options, sync: Sync, run: str) -> None:
    report = sync.history(run)
    if not options.json:
        display.summary(options, report)
        return
    for line in filter(None, (as_json.event_line(event) for _, event in sync.journal.events(report.run))):
        click.echo(line)
    click.echo(as_json.summary_line(report))


def _runs(options: Options, sync: Sync, most: int) -> None:
    journal = sync.journal
    found = [as_history.run(row, journal.end(row["id"]), journal.manner(row["id"])) for row in journal.runs(most)]
    if options.json:
        for one in found:
            click.echo(as_json.answer_line(one))
        return
    out = display.console(options)
    if not found:
        out.print("no run is on record yet")
        return
    rows = [(as_history.cells(one), "") for one in found]
    if not display.fitted(out, as_history.HEADINGS, rows, as_history.LEAST, as_history.NUMBERS):
        display.grid(out, as_history.HEADINGS, rows)


def _of_file(options: Options, sync: Sync, file: str, most: int) -> None:
    key = os.fsencode(file.removeprefix("./"))
    name = key_text(key)
    found = [
        answers.Version(name, one.repository, one.run, one.at, one.what, one.digest, one.size)
        for one in islice(sync.journal.arrivals(name), most)
    ]
    held = sync.journal.held(sync.config.tree.repositories.values(), key)
    if options.json:
        for line in (*found, *(answers.Held(name, repository, digest) for repository, digest in held.items())):
            click.echo(as_json.answer_line(line))
        return
    out = display.console(options)
    if found:
        display.grid(out, as_history.VERSION_HEADINGS, [(as_history.version(one), "") for one in found])
    else:
        out.print("none of the runs on record changed it anywhere")
    for line in as_history.held(held.items()):
        out.print(line)
