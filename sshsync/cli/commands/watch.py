"""``sshsync watch``: stay, and walk the tree as soon as an upload to a master is complete."""

import signal
import time

import click

from sshsync import checks, systemd
from sshsync.api import Sync
from sshsync.cli import bugs, complete, display, signals
from sshsync.cli.commands.run import planned
from sshsync.cli.options import Options, common
from sshsync.config.resolve import Config
from sshsync.core import planner
from sshsync.core.selection import select
from sshsync.errors import InterruptedRun, SshsyncError
from sshsync.model.plan import Plan
from sshsync.watch import Told, Watch


@click.command()
@click.option(
    "--sync",
    "-s",
    "stages",
    multiple=True,
    metavar="A,B",
    shell_complete=complete.repositories,
    help="A stage, as without watch.",
)
@click.option(
    "--plan",
    metavar="NAME",
    shell_complete=complete.plans,
    help="The stages of plan.NAME; all repositories by default.",
)
@click.option("--once", is_flag=True, help="For cron: look once, walk the tree if something is new there, and end.")
@common
@click.pass_context
def watch(context: click.Context, stages: tuple[str, ...], plan: str | None, once: bool) -> None:
    """Look at the masters every few minutes (`watch_interval`), and walk the tree when something new there is complete.

    New is complete when nothing of it changed for `stable_for`. HUP reads the configuration again, TERM ends cleanly.
    Runs of a timer or of a person go on beside it, one at a time.
    """
    options = context.ensure_object(Options)
    if stages and plan is not None:
        raise click.UsageError("--sync and --plan exclude each other")
    control = _Control()
    with signals.handled(control.stop, None if once else control.reload):
        config, work = _read(options, stages, plan)
        while (code := _watched(options, config, work, control, once=once)) is None:
            systemd.tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            control.again = False
            try:
                config, work = _read(options, stages, plan)
            except SshsyncError as error:
                display.plain(config.settings).warning(f"watch: the old configuration stays in force: {error}")
    context.exit(code)


class _Control:
    """Hands signals to the watch that is at work; those that come between two of them wait for the next."""

    def __init__(self) -> None:
        self.again = False
        self.signal = 0
        self._watch: Watch | None = None

    def take(self, watch: Watch) -> None:
        """Let a new watch have what comes, and what came before it was there."""
        self._watch = watch
        if self.signal:
            watch.stop(self.signal)
        if self.again:
            watch.reload()

    def stop(self, number: int) -> None:
        """Take TERM or INT."""
        self.signal = number
        if self._watch:
            self._watch.stop(number)

    def reload(self) -> None:
        """Take HUP."""
        self.again = True
        if self._watch:
            self._watch.reload()


def _read(options: Options, stages: tuple[str, ...], plan: str | None) -> tuple[Config, Plan]:
    """Return the configuration, and what is to be watched for."""
    config = options.load_as_owner()
    tree = config.tree
    wanted = planned(config, plan) if plan is not None else stages
    chosen = [select(tree, stage) for stage in wanted] if wanted else planner.everything(tree)
    made = planner.plan(tree, chosen)
    checks.secrets(config, [name for job in made.jobs for name in (job.parent, job.repository)])
    return config, made


def _watched(options: Options, config: Config, plan: Plan, control: _Control, *, once: bool) -> int | None:
    shown = display.EachRun(options, config.settings)
    said = display.plain(config.settings)

    def waiting(why: str) -> None:
        systemd.tell(f"STATUS={why or 'a run is under way'}")
        if why and not options.quiet and not options.json:
            said.info(f"watch: {why}")

    told = Told(_beat, waiting, lambda result: display.result(options, result))
    try:
        with Sync(config, sinks=[shown], beat=_beat) as sync, sync.visit() as visit:
            sync.on_bug = bugs.in_work(options)
            made = Watch(sync, visit, plan, config.settings.watch_interval, told)
            control.take(made)
            systemd.tell("READY=1")
            code = made.run(once=once)
            return 0 if control.signal == signal.SIGTERM else code
    except InterruptedRun as stopped:
        return 0 if stopped.signal == signal.SIGTERM else stopped.code
    finally:
        shown.close()


def _beat() -> None:
    systemd.tell("WATCHDOG=1")
