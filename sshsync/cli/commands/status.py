"""``sshsync status``: one line for each repository, and an exit code for whoever watches over them."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sshsync.api import RepositoryStatus, Sync
from sshsync.cli import complete, display
from sshsync.cli.options import Options, common, seconds
from sshsync.core import health, planner
from sshsync.core.selection import select
from sshsync.errors import SshsyncError, UsageError
from sshsync.report import answers, as_headway, as_json, as_status, as_text

if TYPE_CHECKING:
    from sshsync.model.report import RunReport

BETWEEN = 1.0
"""Seconds between two looks at a run under way."""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete.repositories)
@click.option("--max-age", metavar="TIME", help="Whoever was not in sync within TIME has failed, such as 26h.")
@click.option("--nagios", is_flag=True, help="One line with performance data, and Nagios' exit codes: 0 to 3.")
@click.option("--watch", is_flag=True, help="Follow the run that is under way until it ends; then the rest.")
@common
@click.pass_context
def status(context: click.Context, names: tuple[str, ...], max_age: str | None, nagios: bool, watch: bool) -> None:
    """Is every repository in sync, or NAME only, since when, what failed, and how to go on. No host is asked.

    NAME may be a group (@GROUP) or a range too. The exit code is that of a run in which each ended as it last did: 0
    when all are in sync. With --quiet only what is wrong is printed.
    """
    options = context.ensure_object(Options)
    if nagios and options.json:
        raise UsageError("--nagios and --json exclude each other")
    if nagios:
        context.exit(_for_nagios(options, names, max_age, watch=watch))
    oldest = seconds("--max-age", max_age)
    with Sync(options.load_as_owner()) as sync:
        asked = _asked(sync, names)
        if watch:
            _follow(options, sync)
        rows = health.seen(sync.status(asked), time.time(), oldest)
        code = health.exit_code(rows)
        if options.json:
            _as_json(sync, rows, code)
        else:
            _as_text(options, sync, rows, asked, code)
    context.exit(code)


def _for_nagios(options: Options, names: Sequence[str], max_age: str | None, *, watch: bool) -> int:
    """Print one line and return Nagios' code; whatever keeps it from being found out is told in that line, too."""
    from sshsync.report import as_nagios

    try:
        if watch or options.quiet:
            raise UsageError("--nagios goes with neither --watch nor --quiet")
        oldest = seconds("--max-age", max_age)
        with Sync(options.load_as_owner()) as sync:
            now = time.time()
            line, code = as_nagios.line(health.seen(sync.status(_asked(sync, names)), now, oldest), now, oldest)
    except SshsyncError as error:
        line, code = as_nagios.unknown(str(error))
    click.echo(line)
    return code


def _asked(sync: Sync, names: Sequence[str]) -> list[str]:
    tree = sync.config.tree
    asked = [name for words in names for name in select(tree, words)]
    if masters := [name for name in asked if not planner.known(tree, name).parent]:
        raise UsageError(f"{masters[0]} is a master: it is what others are in sync with", hint="name what it feeds")
    return asked


def _follow(options: Options, sync: Sync) -> None:
    """Show how far the run under way is until it ends; where nobody is at work, that is now."""
    with display.Following(options) as shown:
        while sync.running():
            if values := sync.headway():
                if options.json:
                    click.echo(as_json.line({"type": "headway", **values}))
                elif not options.quiet:
                    shown.show(values, time.time())
            time.sleep(BETWEEN)


def _latest(sync: Sync) -> "RunReport | None":
    latest = sync.journal.latest()
    return sync.history(latest["id"]) if latest else None


def _as_json(sync: Sync, rows: Sequence[RepositoryStatus], code: int) -> None:
    running = sync.running()
    told = answers.Status(running, list(rows), code, sync.headway() if running else None)
    click.echo(as_json.status_line(told))
    if report := _latest(sync):
        click.echo(as_json.summary_line(report))


def _as_text(options: Options, sync: Sync, rows: Sequence[RepositoryStatus], asked: Sequence[str], code: int) -> None:
    if options.quiet and code == 0:
        return
    out = display.console(options)
    report, running = _latest(sync), sync.running()
    for line in as_status.lines([row for row in rows if not (options.quiet and row.ok)], report):
        out.print(line)
    if report is None:
        out.print(f"no run is on record yet; start one with: {options.command} --all")
        return
    for line in as_text.failures(_part(report, [row.name for row in rows]) if asked else report):
        out.print(line)
    for line in [] if options.quiet else as_text.omissions(report, examples=options.verbose):
        out.print(line)
    out.print(as_text.headline(report, running))
    out.print("; ".join(as_text.circumstances(report)))
    if running and (values := sync.headway()):
        for line in as_headway.lines(values):
            out.print(line)
    if code and report.exit_code == 0:
        out.print(as_status.headline(rows))
    if advice := as_text.advice(report, options.command, running):
        out.print(advice, soft_wrap=True)


def _part(report: "RunReport", names: Sequence[str]) -> "RunReport":
    return replace(report, repositories={name: job for name, job in report.repositories.items() if name in names})
