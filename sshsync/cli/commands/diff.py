"""``sshsync diff NAME [OTHER]``."""

import sys
from collections import Counter

import click

from sshsync.cli import complete, looking
from sshsync.cli.options import Options, common
from sshsync.model.compared import Sign
from sshsync.report import as_holdings, as_json


@click.command()
@click.argument("name", shell_complete=complete.repository)
@click.argument("other", default="", shell_complete=complete.repository)
@looking.scanning
@common
@click.pass_context
def diff(context: click.Context, name: str, other: str, fresh: bool, digest: str) -> None:
    """Compare the files of NAME with those of its parent, or of OTHER, by their digests. Nothing is changed.

    \b
    - path   missing on NAME
    + path   only on NAME
    * path   on both, and not the same
    ! path   could not be compared: it cannot be listed or read
    = path   the same (with --verbose)

    Only what NAME takes by its `include` and `exclude` is compared; modes and times are not. Exit code 11 when
    something differs, 7 when something could not be compared, else 0.
    """
    options = context.ensure_object(Options)
    with looking.visit(options) as (sync, made):
        found = made.compare(name, other, fresh=fresh, digest=digest)
        other = other or sync.config.tree.repositories[name].parent
    counts: Counter[Sign] = Counter()
    for one in found:
        counts[one.sign] += 1
        if one.sign is Sign.EQUAL and not options.verbose:
            continue
        if options.json:
            looking.tell([as_json.answer_line(as_holdings.difference(name, other, one))])
        else:
            looking.tell([as_holdings.difference_line(one)])
    ended = as_holdings.comparison(name, other, counts)
    if options.json:
        looking.tell([as_json.answer_line(ended)])
    sys.stdout.flush()
    if not (options.json or options.quiet):
        click.echo(as_holdings.comparison_line(ended), err=True)
    context.exit(ended.exit_code)
