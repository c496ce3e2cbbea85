"""``sshsync config check|show|init``."""

from typing import TYPE_CHECKING

import click

from sshsync.cli import complete
from sshsync.cli.options import Options, common
from sshsync.report import answers, as_json

if TYPE_CHECKING:
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
@click.argument("name", shell_complete=complete.repositories)
@common
@click.pass_context
def show(context: click.Context, name: str) -> None:
    """Show each value of repository NAME and where it comes from."""
    from sshsync.config.render import value_text
    from sshsync.errors import UnknownRepositoryError

    options = context.ensure_object(Options)
    found = options.load_as_owner()
    if name not in found.options:
        hint = f"known: {', '.join(found.options)}"
        raise UnknownRepositoryError(f"unknown repository {name!r}", hint=hint)
    values = found.options[name]
    places = found.origins[name]
    rows = []
    for key in type(values).model_fields:
        value = value_text(getattr(values, key))
        rows.append((key, "(set)" if key == "password" and value else value, places.get(key, "default")))
    if options.json:
        shown = {key: answers.Value(value, place) for key, value, place in rows}
        click.echo(as_json.answer_line(answers.Section(name, shown)))
        return
    width = max(len(f"{key} = {value}") for key, value, _ in rows if "\n" not in value)
    click.echo(f"[{name}]")
    for key, value, place in rows:
        click.echo(f"{f'{key} = {value}':<{min(width, 80)}}  # {place}")


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
    if options.json:
        raise UsageError("config init writes a configuration, which is no JSON", hint="leave --json away")
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
