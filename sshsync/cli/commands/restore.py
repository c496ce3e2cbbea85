"""``sshsync restore NAME [PATH...]``."""

import sys

import click

from sshsync.cli import complete, looking
from sshsync.cli.options import Options, common, seconds, waiting
from sshsync.report import answers, as_json, as_kept

_PARTIAL, _FAILED = 7, 6


@click.command()
@click.argument("name", shell_complete=complete.repository)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--from", "run", default="", metavar="RUN", help="What this run put aside; the beginning of its id is enough."
)
@click.option("--list", "only_list", is_flag=True, help="Only show what is kept, of PATH or of everything.")
@waiting
@common
@click.pass_context
def restore(context: click.Context, name: str, paths: tuple[str, ...], run: str, only_list: bool) -> None:
    """Bring back files of NAME that a run replaced or deleted, as far as `keep` has them put aside.

    PATH is a file, a directory for all that is kept below it, or a pattern as in `include`. The newest version that is
    kept is brought back, or that of RUN: copied, verified, and put in its place in one step. What stands there is kept,
    so this can be undone. Nothing else changes, and no hook runs. The next run brings what the parent has again, unless
    NAME excludes the file.

    Without PATH, or with --list, shows what is kept: the run that put it aside, size in bytes, time, path; the newest
    version first. Exit code 7 when some, 6 when none of the files could be brought back.
    """
    options = context.ensure_object(Options)
    if only_list or not paths:
        _list(options, name, paths, run)
        return
    wait = seconds("--wait", options.wait) or 0.0
    with looking.visit(options) as (_, made):
        done = made.restore(name, paths, run=run, wait=wait)
    good = [one for one in done if not one.reason]
    bad = [one for one in done if one.reason]
    if options.json:
        looking.tell(as_json.answer_line(as_kept.restored(name, one)) for one in good)
        looking.tell(
            as_json.answer_line(answers.Error(_PARTIAL if good else _FAILED, as_kept.failed(one), name)) for one in bad
        )
    elif not options.quiet:
        looking.tell(as_kept.restored_line(name, one) for one in good)
        looking.tell(as_kept.what_next(options.command, name, good) if good else ())
    sys.stdout.flush()
    for one in bad:
        click.echo(f"sshsync: {name}: {as_kept.failed(one)}", err=True)
    context.exit((_PARTIAL if good else _FAILED) if bad else 0)


def _list(options: Options, name: str, paths: tuple[str, ...], run: str) -> None:
    with looking.visit(options) as (_, made):
        found = made.kept(name, paths, run=run)
    if options.json:
        looking.tell(as_json.answer_line(as_kept.listed(name, one)) for one in found)
    elif found:
        looking.tell(as_kept.lines(found))
    elif not options.quiet:
        click.echo(f"nothing is kept on {name}", err=True)
    sys.stdout.flush()
