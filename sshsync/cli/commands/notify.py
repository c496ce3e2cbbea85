"""``sshsync notify test``."""

import time

import click

from sshsync.cli.options import Options, common


@click.group()
@common
def notify() -> None:
    """Who is told of runs: try it."""


@notify.command()
@click.option("--fail", is_flag=True, help="Tell of a failure instead of a success.")
@common
@click.pass_context
def test(context: click.Context, fail: bool) -> None:
    """Tell everybody whom the configuration names about a made-up run, and show who could not be told."""
    from sshsync import builtin
    from sshsync.api import Sync
    from sshsync.errors import UsageError
    from sshsync.model.events import Outcome
    from sshsync.model.report import RepositoryReport, RunReport

    options = context.ensure_object(Options)
    config = options.load_as_owner()
    told = [notice.name for notice in builtin.notices(config.settings, lambda _run: [])]
    if not told:
        hint = "set ping_url, mail_to, notify_command, notify_url, report_dir, metrics_file or status_file in [sshsync]"
        raise UsageError("the configuration names nobody to tell", hint=hint)
    now = time.time()
    outcome, code = (Outcome.FAILED, 6) if fail else (Outcome.UNCHANGED, 0)
    job = RepositoryReport("test", outcome=outcome, error="this is only a test" if fail else "", code=code)
    report = RunReport("test", now, now, [["test"]], repositories={"test": job}, outcome=outcome, exit_code=code)
    with Sync(config) as sync:
        wrong = sync.tell(report)
    for name in told:
        click.echo(f"{name}: {wrong.get(name, 'told')}")
    context.exit(6 if wrong else 0)
