"""``sshsync config check|show|init``."""

from typing import TYPE_CHECKING

import click

from sshsync.cli import complete
from sshsync.cli.options import Options, common
from sshsync.report import answers, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sshsync.config.resolve import Config
    from sshsync.model.topology import Tree


@click.group()
@common
def config() -> None:
    """Check, show or make the configuration."""


@config.command()
@common
@click.pass_context
def check(context: click.Context) -> None:
    """Report everything that is wrong in the configuration; contacts nothing."""
    from sshsync import checks

    options = context.ensure_object(Options)
    options.checking = True
    found = options.load_as_owner()
    checks.everything(found)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    if options.json:
        click.echo(as_json.answer_line(answers.Config(valid=True, warnings=[str(w) for w in found.warnings])))
    elif not options.quiet:
        click.echo("\n".join([f"{options.config}: valid", *_lines(found.tree)]))


@config.command()
@click.argument("name", default="", shell_complete=complete.repositories)
@common
@click.pass_context
def show(context: click.Context, name: str) -> None:
    """Show each value and where it comes from: of everything, of repository NAME, or of the section sshsync.

    Of secrets only whether they are set.
    """
    from sshsync.config.load import GLOBAL
    from sshsync.errors import UnknownRepositoryError

    options = context.ensure_object(Options)
    found = options.load_as_owner()
    if name and name not in (GLOBAL, *found.options):
        hint = f"known: {', '.join(found.options)}"
        raise UnknownRepositoryError(f"unknown repository {name!r}", hint=hint)
    for number, section in enumerate([name] if name else [GLOBAL, *found.options]):
        values = _values(found, section)
        if options.json:
            shown = {key: answers.Value(value, place) for key, (value, place) in values.items()}
            click.echo(as_json.answer_line(answers.Section(section, shown)))
        else:
            click.echo("\n".join([*([""] if number else []), f"[{section}]", *_shown(values)]))


def _values(found: "Config", section: str) -> dict[str, tuple[str, str]]:
    """Return the values of a section as text, each with its place."""
    from sshsync.config.load import GLOBAL
    from sshsync.config.render import shown
    from sshsync.config.schema import GlobalOptions, RepositoryOptions

    if section != GLOBAL:
        texts, places = shown(RepositoryOptions, found.options[section]), found.origins[section]
    else:
        texts, places = shown(GlobalOptions, found.settings, found.settings.mail), found.places
        plans = found.settings.plans.items()
        texts |= {f"plan.{name}": " ".join(f"--sync {stage}" for stage in stages) or "--all" for name, stages in plans}
    return {key: (value, places.get(key, "default")) for key, value in texts.items()}


def _shown(values: "Mapping[str, tuple[str, str]]") -> list[str]:
    lines = [(f"{key} = {value}", place) for key, (value, place) in values.items()]
    width = min(80, max(len(line) for line, _ in lines if "\n" not in line))
    return [f"{line:<{width}}  # {place}" for line, place in lines]


@config.command()
@click.argument("file", type=click.Path(), default="-")
@click.pass_context
def init(context: click.Context, file: str) -> None:
    """Write a commented sample configuration to FILE, or to stdout; never over an existing file."""
    import os

    from sshsync.cli import display
    from sshsync.config.render import sample
    from sshsync.errors import UsageError

    options = context.ensure_object(Options)
    if options.json and file == "-":
        raise UsageError("config init writes a configuration, which is no JSON", hint="name a FILE")
    if file == "-":
        click.echo(sample(), nl=False)
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"cannot make {file}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as out:
        out.write(sample())
    display.remark(options, f"wrote {file}; edit it, then: sshsync --config {file} config check")


def _lines(tree: "Tree") -> list[str]:
    """Return the tree as text: each repository below its parent."""
    lines = []
    waiting = [found for found in reversed(list(tree.repositories.values())) if not found.parent]
    while waiting:
        found = waiting.pop()
        lines.append(f"{'  ' * tree.level(found.name)}{found.name}  {found.host.label}:{found.path or found.type}")
        waiting += reversed(tree.children(found.name))
    return lines
