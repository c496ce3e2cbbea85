"""``sshsync notify test`` and ``sshsync notify weekly``."""

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
    from sshsync.api import Sync
    from sshsync.errors import UsageError
    from sshsync.report import answers, as_json

    options = context.ensure_object(Options)
    failed = False
    with Sync(options.load_as_owner()) as sync:
        for what in [False] * (success or not fail) + [True] * fail:
            did, wrong = sync.rehearse(_made_up(failure=what))
            if not did and not wrong:
                hint = "set ping_url, mail_to, notify_command, notify_url, report_dir, metrics_file or status_file"
                raise UsageError("the configuration names nobody to tell", hint=f"{hint} in [sshsync]")
            failed = failed or bool(wrong)
            about = "failure" if what else "success"
            for name, words in {**did, **wrong}.items():
                if options.json:
                    click.echo(as_json.answer_line(answers.Notified(name, about, name not in wrong, words)))
                else:
                    click.echo(f"{f'a {about}: ' if fail and success else ''}{name}: {words}")
    context.exit(6 if failed else 0)


@notify.command()
@click.option("--now", is_flag=True, help="Send it whether it is due or not.")
@common
@click.pass_context
def weekly(context: click.Context, now: bool) -> None:
    """Mail how the week was to `mail_to`, when `mail_weekly` has passed since the last such mail; else do nothing.

    It tells how every repository is and which runs failed, also when nothing ran. sshsync-weekly.timer or cron calls it
    every hour or oftener: what could not be sent goes by a later call.
    """
    from sshsync.api import Sync
    from sshsync.cli import display
    from sshsync.errors import OutputError, UsageError

    options = context.ensure_object(Options)
    config = options.load_as_owner()
    mail = config.settings.mail
    if now and not mail.mail_to:
        raise UsageError("the configuration names nobody who gets it", hint="set mail_to in [sshsync]")
    try:
        with Sync(config) as sync:
            told = sync.weekly(options.command, at_once=now)
    except OSError as error:
        raise OutputError(f"the mail about the week did not go: {error}") from error
    display.remark(options, told or "nothing to send: none is due", loud=bool(told))


def _made_up(*, failure: bool) -> "RunReport":
    """Return the report of a run that never was."""
    from sshsync.model.events import Outcome
    from sshsync.model.report import RepositoryReport, RunReport

    now = time.time()
    outcome, code = (Outcome.FAILED, 6) if failure else (Outcome.UNCHANGED, 0)
    job = RepositoryReport("test", outcome=outcome, error="this is only a test" if failure else "", code=code)
    return RunReport("test", now, now, [["test"]], repositories={"test": job}, outcome=outcome, exit_code=code)
