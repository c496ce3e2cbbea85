"""``sshsync drift [NAME...]``."""

import shutil
import sys

import click

from sshsync.cli import complete, looking
from sshsync.cli.options import Options, common
from sshsync.report import answers, as_drift, as_json, words


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|@GROUP|RANGE]...", shell_complete=complete.repositories)
@click.option(
    "--against",
    default="",
    metavar="NAME",
    shell_complete=complete.repository,
    help="Only what differs from what NAME holds.",
)
@click.option(
    "--include",
    "only",
    multiple=True,
    metavar="PATTERN",
    help="Compare only what matches, as in `include`. May be repeated.",
)
@click.option(
    "--html", metavar="FILE", help="Write one self-contained page to FILE, with all repositories side by side."
)
@click.option("--fresh", is_flag=True, help="Read every file again, whatever is on record of its digest.")
@common
@click.pass_context
def drift(
    context: click.Context, names: tuple[str, ...], against: str, only: tuple[str, ...], html: str | None, fresh: bool
) -> None:
    """Tell what differs among repositories that should hold the same: packages or files, no parent needed.

    Without a name all are compared, each type by itself, and where there are parents, each chain; who has nobody beside
    it is named on stderr. Nothing is changed. A host that cannot be asked is told of, and misses nothing: exit code 7,
    or 75 when it may answer later. Else 11 when something differs, 7 when something cannot be compared, else 0.
    """
    from sshsync.cli import pages
    from sshsync.core import selection
    from sshsync.report import drift_html

    options = context.ensure_object(Options)
    pages.check(options, html)
    with looking.visit(options) as (sync, made):
        tree = sync.config.tree
        asked = [name for word in names for name in selection.select(tree, word)]
        found = []
        for one in made.drift(asked, against=against, only=only, fresh=fresh):
            found.append(one)
            if options.json:
                looking.tell(map(as_json.answer_line, as_drift.items(one)))
                looking.tell(as_json.answer_line(answers.Error(7, silent.why, silent.name)) for silent in one.unasked)
                looking.tell([as_json.answer_line(as_drift.summary(one))])
            elif not options.quiet or as_drift.exit_code([one]):
                repairs = sync.changes(one.type) and not any(tree.repositories[name].parent for name in one.names)
                looking.tell(as_drift.lines(one, sync.words(one.type), _width(), repairs=repairs))
        called = {one.type: sync.words(one.type) for one in found}
        alone = [] if names or against else as_drift.alone(tree.repositories, found)
    sys.stdout.flush()
    if alone and not options.quiet:
        click.echo(f"sshsync: compared with nobody: {words.names(alone)}", err=True)
    if html is not None:
        pages.write(options, html, drift_html.page(found, called))
    context.exit(as_drift.exit_code(found))


def _width() -> int:
    """Return how long a line may be: what is read by programs is never broken."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 1 << 20
