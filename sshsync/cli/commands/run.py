"""``sshsync --sync …`` and ``sshsync resume``."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import click

from sshsync.api import Result, Sync
from sshsync.cli import allow, bugs, complete, display, signals
from sshsync.cli.allow import Allowed
from sshsync.cli.options import Options, common, seconds, waiting
from sshsync.config.resolve import Config
from sshsync.core import planner
from sshsync.core.selection import select
from sshsync.errors import OutsideError, UsageError
from sshsync.model.events import GOOD
from sshsync.model.plan import CONFIGURED, Manner
from sshsync.model.topology import Tree

NOTHING = Allowed()


def synchronize(
    options: Options,
    stages: Sequence[Sequence[str] | str] | None,
    *,
    dry_run: bool = False,
    allowed: Allowed = NOTHING,
    manner: Manner = CONFIGURED,
) -> int:
    """Run the stages, or everything for None, and return the exit code.

    Args:
        options: the shared options.
        stages: repository names by stage, or the words of an operator that stand for them.
        dry_run: only show what would be done.
        allowed: what guards let through.
        manner: how to go about them.

    Raises:
        SshsyncError: the run could not begin.
    """
    config = options.load_as_owner()
    wanted = (
        planner.everything(config.tree)
        if stages is None
        else [select(config.tree, stage) if isinstance(stage, str) else stage for stage in stages]
    )
    return _run(options, config, wanted, dry_run=dry_run, allowed=allowed, manner=manner)


def _run(
    options: Options,
    config: Config,
    wanted: Sequence[Sequence[str]],
    *,
    dry_run: bool,
    allowed: Allowed = NOTHING,
    manner: Manner = CONFIGURED,
) -> int:
    while True:
        try:
            result = _once(options, allow.applied(config, allowed), wanted, dry_run=dry_run, manner=manner)
        except OutsideError as error:
            # Nobody did anything wrong: timers may ask for a run at any hour.
            display.remark(options, str(error))
            return error.code
        more = allow.asked(options, result.report, allowed)
        if not more:
            return result.exit_code
        allowed = more


def _once(
    options: Options, config: Config, wanted: Sequence[Sequence[str]], *, dry_run: bool, manner: Manner
) -> Result:
    # Names are checked before the journal, the lock or any host is touched.
    if not manner.back:
        planner.plan(planner.alike(config.tree, wanted, manner.like), wanted)
    wait = seconds("--wait", options.wait) or 0.0
    sync: Sync | None = None
    shown = display.live(options, config.settings)
    with ExitStack() as held:
        try:
            sync = Sync(config, sinks=[shown])
            sync.on_bug = bugs.in_work(options)
            # A signal that comes before the run has begun is the run's all the same: the visit keeps it for it. One
            # that comes after its end changes nothing any more, and what it came to is told.
            visit = sync.visit()
            held.enter_context(signals.handled(visit.interrupt))
            if wait and not dry_run and (holder := sync.running()):
                display.remark(
                    options, f"another run is under way ({holder}): waiting up to {options.wait} for its end"
                )
            with visit:
                result = visit.run(wanted, dry_run=dry_run, wait=wait, manner=manner, now=options.now)
        finally:
            shown.close()
            if sync:
                sync.close()
        display.result(options, result)
    return result


def planned(config: Config, name: str) -> tuple[str, ...]:
    """Return the stages of a plan of the configuration, () for all repositories.

    Raises:
        UsageError: there is no such plan.
    """
    plans = config.settings.plans
    if name not in plans:
        known = f"plans: {', '.join(plans)}" if plans else "write plan.NAME = --sync A --sync B,C into [sshsync]"
        raise UsageError(f"the configuration has no plan {name!r}", hint=known)
    return plans[name]


def failed(options: Options) -> tuple[tuple[str, ...], ...]:
    """Return the stages that bring what did not end well last, parents first; () for nothing."""
    with Sync(options.load_as_owner()) as sync:
        bad = [row.name for row in sync.status() if row.outcome and row.outcome not in GOOD]
    return planner.by_level(sync.config.tree, bad)


def nothing(options: Options) -> int:
    """Say that there is nothing that failed, and return the exit code."""
    with Sync(options.load_as_owner()) as sync:
        plan = sync.unfinished()
    words = "nothing to do: everything that ran ended well last"
    # How it ended says nothing of whole repositories: they are asked about here.
    if plan and plan.manner != CONFIGURED:
        words = f"{words}, but for a run of its own kind ({plan.command}); to go on with it: {options.command} resume"
    display.remark(options, words)
    return 0


@click.command()
@allow.options
@waiting
@common
@click.pass_context
def resume(context: click.Context, max_delete: int | None, empty: tuple[str, ...]) -> None:
    """Go on where the last run stopped; does nothing when it ended well."""
    options = context.ensure_object(Options)
    with Sync(options.load_as_owner()) as sync:
        plan = sync.unfinished()
    if plan is None:
        display.remark(options, "nothing to resume: the last run ended well, or there was none")
        return
    context.exit(synchronize(options, plan.names, allowed=Allowed(max_delete, empty), manner=plan.manner))


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete.repositories)
@click.option("--repair", is_flag=True, help="Bring what differs in sync, instead of only showing it.")
@waiting
@common
@click.pass_context
def verify(context: click.Context, names: tuple[str, ...], repair: bool) -> None:
    """Read and digest every file again on all hosts, or for NAME only, whatever the cache says.

    NAME may be a group (@GROUP) or a range too; parents come before what they feed. Finds what rotted on a disk
    without a trace in size or times. Exit code 11 when something differs.
    """
    options = context.ensure_object(Options)
    config = _without_cache(options.load_as_owner())
    chosen = [name for words in names for name in select(config.tree, words)]
    wanted = planner.by_level(config.tree, chosen) if names else planner.everything(config.tree)
    context.exit(_run(options, config, wanted, dry_run=not repair))


def _without_cache(config: Config) -> Config:
    repositories = {name: replace(found, digest_cache=False) for name, found in config.tree.repositories.items()}
    return replace(config, tree=Tree(repositories))
