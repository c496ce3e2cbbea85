"""``sshsync notify test``."""

import time
from typing import TYPE_CHECKING

import click

from sshsync.cli.options import Options, common

if TYPE_CHECKING:
    from sshsync.model.report import RunReport


@click.group()
@common
def notify() -> None:
    """Who is told of runs: try it."""


@notify.command()
@click.option("--fail", is_flag=True, help="Tell of a failure, which is what mail and chat wait for.")
@click.option("--success", is_flag=True, help="Tell of a success; with --fail of both. The default.")
@common
@click.pass_context
def test(context: click.Context, fail: bool, success: bool) -> None:
    """Tell everybody whom the configuration names about a made-up run, and show what was sent and what was not.

    Files and pages that show real runs are left alone; whether they can be written is looked at.
    """
    from sshsync import builtin
    from sshsync.api import Sync
    from sshsync.errors import UsageError

    options = context.ensure_object(Options)
    config = options.load_as_owner()
    if not builtin.notices(config.settings, lambda _run: []):
        hint = "set ping_url, mail_to, notify_command, notify_url, report_dir, metrics_file or status_file in [sshsync]"
        raise UsageError("the configuration names nobody to tell", hint=hint)
    failed = False
    with Sync(config) as sync:
        for what in [False] * (success or not fail) + [True] * fail:
            did, wrong = sync.rehearse(_made_up(failure=what))
            failed = failed or bool(wrong)
            about = ("a failure: " if what else "a success: ") if fail and success else ""
            for name, words in {**did, **wrong}.items():
                click.echo(f"{about}{name}: {words}")
    context.exit(6 if failed else 0)


def _made_up(*, failure: bool) -> "RunReport":
    """Return the report of a run that never was."""
    from sshsync.model.events import Outcome
    from sshsync.model.report import RepositoryReport, RunReport

    now = time.time()
    outcome, code = (Outcome.FAILED, 6) if failure else (Outcome.UNCHANGED, 0)
    job = RepositoryReport("test", outcome=outcome, error="this is only a test" if failure else "", code=code)
    return RunReport("test", now, now, [["test"]], repositories={"test": job}, outcome=outcome, exit_code=code)
