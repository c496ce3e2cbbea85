"""The entry: parser assembly, and errors become messages and exit codes here and nowhere else."""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from sshsync.cli import allow, bugs, complete, narrowing, streams
from sshsync.cli.allow import Allowed
from sshsync.cli.loading import quickly
from sshsync.cli.options import Options, common, waiting
from sshsync.errors import ConfigError, InterruptedRun, OutputError, SshsyncError, UsageError
from sshsync.model.plan import CONFIGURED, Manner
from sshsync.version import VERSION

_HELP = """Bring files from a master through a proxy to many nodes, over nothing but SSH.

\b
Examples:
  sshsync --sync repoproxy --sync appnode1,appnode2   the proxy, then both nodes side by side
  sshsync --sync @proxies --sync appnode[01-20]       groups and ranges
  sshsync --plan nightly                              the stages that plan.nightly in the configuration names
  sshsync --all --dry-run                             what would be done, everywhere
  sshsync --sync appnode1 --include '*.rpm'           these files only, this once
  sshsync watch                                       stay; new files on a master are on the nodes minutes later
  sshsync resume                                      go on where the last run stopped
  sshsync --failed --wait 10m                         what did not end well last, after a run that is under way
  sshsync verify                                      digest every file again, find what rotted
  sshsync status                                      is every node in sync, and since when
  sshsync status --watch                              follow the run that is under way
  sshsync diff appnode1                               what differs between a node and its parent
  sshsync drift @web                                  what differs among hosts that should hold the same
  sshsync ls appnode1 '*.jar'                         files of a node: size, time, digest
  sshsync sums appnode1 > SHA256SUMS                  its files for sha256sum -c
  sshsync restore appnode1 lib/app.jar                what the last run replaced there (keep = 3)
  sshsync report --html monday.html                   the last run as a page: tree, time line, files
  sshsync config check                                is the configuration right
  sshsync hosts check                                 what the hosts have and lack, before any run
  sshsync hosts trust appnode1                        record a host's key
  sshsync demo                                        see it work on this machine, in a minute

Exit codes: 0 in sync, 2 usage, 3 configuration, 4 unknown repository, 5 bug, 6 failed, 7 partial, 8 locked,
9 refused by a guard, 10 trust, 11 differences (dry run, verify, diff), 12 outside of the window, 75 try again later,
130/143 interrupted.
"""

_COMMANDS = {
    "resume": ("run", "Go on where the last run stopped."),
    "watch": ("watch", "Stay, and walk the tree as soon as an upload to a master is complete."),
    "verify": ("run", "Read and digest every file again; show, or repair, what differs."),
    "status": ("status", "Is every repository in sync, since when, and what failed."),
    "history": ("history", "Earlier runs, or one of them in full."),
    "report": ("report", "A run as one page of HTML: tree, time line, files, failures."),
    "diff": ("diff", "What differs between a repository and its parent, or another one."),
    "drift": ("drift", "What differs among repositories that should hold the same: packages or files."),
    "packages": ("packages", "The packages of a repository, with their versions."),
    "ls": ("ls", "The files of a repository: size, time, digest."),
    "sums": ("sums", "The files of a repository as SHA256SUMS, for sha256sum -c."),
    "rollback": ("rollback", "Bring packages back to what they were before a run."),
    "restore": ("restore", "Bring back what a run replaced or deleted, where `keep` has it put aside."),
    "config": ("config", "Check, show or make the configuration."),
    "hosts": ("hosts", "Look at the hosts: what they have and lack; record their keys."),
    "notify": ("notify", "Try who is told of runs."),
    "demo": ("demo", "See it work on this machine: four hosts, a chain, a failure, a resume."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are used, so that --help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all command names in the order in which they are shown."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        with quickly():
            module = import_module(f"sshsync.cli.commands.{_COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find what is meant, or say what may be meant: commands, and what stands behind --sync elsewhere."""
        from difflib import get_close_matches

        if args[0] not in _COMMANDS:
            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"To synchronize a repository: sshsync --sync {args[0]}"
            raise click.UsageError(f"No such command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    help=_HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--sync",
    "-s",
    "stages",
    multiple=True,
    metavar="A,B",
    shell_complete=complete.repositories,
    help="A stage: repositories to synchronize side by side; stages follow each other. Also n[1-9], n*, @GROUP.",
)
@click.option("--all", "everything", is_flag=True, help="All repositories, level by level.")
@click.option(
    "--plan",
    metavar="NAME",
    shell_complete=complete.plans,
    help="The stages of plan.NAME in [sshsync] of the configuration.",
)
@click.option("--failed", is_flag=True, help="All that did not end well last, level by level.")
@click.option("--dry-run", "-n", is_flag=True, help="Show what a run would do; exit code 11 when there is something.")
@click.option(
    "--like",
    metavar="NAME",
    shell_complete=complete.repositories,
    help="Give the repositories of --sync, in this one run, what NAME holds, whoever their parents are; of one type.",
)
@click.option("--halt", is_flag=True, help="Begin no stage after one that did not end well: one group at a time.")
@narrowing.options
@allow.options
@waiting
@common
@click.version_option(VERSION, prog_name="sshsync")
@click.pass_context
def cli(
    context: click.Context,
    /,
    stages: tuple[str, ...],
    everything: bool,
    plan: str | None,
    failed: bool,
    dry_run: bool,
    **let: Any,
) -> None:
    """The command line itself; its help text is `_HELP`."""
    asked = [bool(stages), everything, plan is not None, failed]
    narrow = narrowing.narrow(let.pop("include"), let.pop("exclude"))
    manner = Manner(narrow, let.pop("like") or "", let.pop("halt"))
    allowed = Allowed(**let)
    options = context.ensure_object(Options)
    if context.invoked_subcommand:
        if any(asked) or dry_run or allowed or manner != CONFIGURED or options.wait or options.now:
            words = "options of a run (--sync, --all, --plan, --failed, --dry-run …) before a command's name"
            raise click.UsageError(f"{words} do not go with {context.invoked_subcommand}")
        return
    if not any(asked):
        if sys.argv[1:]:
            raise click.UsageError("nothing to do: name repositories with --sync, or a command")
        click.echo(context.get_help())
        return
    if sum(asked) > 1:
        raise click.UsageError("--sync, --all, --plan and --failed exclude each other")
    if manner.like and not stages:
        raise click.UsageError("--like goes with --sync: name what is to become like it")
    with quickly():
        from sshsync.cli.commands import run

    wanted: Sequence[Sequence[str] | str] = stages
    if plan is not None:
        wanted = run.planned(options.load_as_owner(), plan)
    elif failed and not (wanted := run.failed(options)):
        context.exit(run.nothing(options))
    context.exit(run.synchronize(options, wanted or None, dry_run=dry_run, allowed=allowed, manner=manner))


def main() -> None:
    """Run the command line and exit."""
    streams.repair()
    sys.exit(_code())


def _code() -> int:
    options = Options()
    try:
        result: Any = cli.main(standalone_mode=False, prog_name="sshsync", obj=options)
        sys.stdout.flush()
    except OutputError as error:
        streams.give_up_output()
        if error.code:
            _complain(error, options)
        return error.code
    except SshsyncError as error:
        _tell(error, options)
        _complain(error, options)
        return error.code
    except click.ClickException as error:
        error.show()
        return _tell(UsageError(error.format_message()), options)
    except (click.Abort, KeyboardInterrupt):
        return _tell(InterruptedRun(signal.SIGINT, "interrupted"), options)
    except Exception as bug:  # noqa: BLE001 - a bug has an exit code of its own, and is told of
        return _tell(SshsyncError(bugs.tell(options, bug), hint="please report it"), options)
    return result if isinstance(result, int) else 0


def _complain(error: SshsyncError, options: Options) -> None:
    click.echo(f"sshsync: {error}", err=True)
    if isinstance(error, ConfigError) and not options.checking:
        click.echo(f"sshsync: check it with: {options.command} config check", err=True)


def _tell(error: SshsyncError, options: Options) -> int:
    """Tell programs that read stdout, which is JSON then, also where the options were not understood.

    Returns:
        The exit code.
    """
    if options.json or "--json" in sys.argv[1:]:
        from sshsync.report import as_json

        with suppress(OutputError):
            click.echo(as_json.answer_line(as_json.error(error)))
            sys.stdout.flush()
    return error.code


if __name__ == "__main__":
    main()
