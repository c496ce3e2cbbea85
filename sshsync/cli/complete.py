"""Shell completion: names out of the configuration. A configuration that cannot be read completes nothing."""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from sshsync.cli.options import Options

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def forgiving(complete: Complete) -> Complete:
    """Return a completion that offers nothing where it would fail: a shell must not get to see a traceback."""

    def quietly(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from sshsync.errors import SshsyncError

        try:
            return complete(context, parameter, typed)
        except SshsyncError:
            return []

    return quietly


@forgiving
def repositories(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete a stage: repositories and groups, after the last comma."""
    del parameter
    before, comma, last = typed.rpartition(",")
    done = set(before.split(","))
    tree = context.ensure_object(Options).load().tree
    groups = sorted({f"@{group}" for repository in tree.repositories.values() for group in repository.groups})
    names = [name for name in (*tree.repositories, *groups) if name.startswith(last) and name not in done]
    return [CompletionItem(before + comma + name) for name in names]


@forgiving
def repository(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete the name of one repository."""
    del parameter
    names = context.ensure_object(Options).load().tree.repositories
    return [CompletionItem(name) for name in names if name.startswith(typed)]


@forgiving
def plans(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete the name of a plan."""
    del parameter
    return [
        CompletionItem(name) for name in context.ensure_object(Options).load().settings.plans if name.startswith(typed)
    ]
