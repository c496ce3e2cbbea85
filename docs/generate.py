"""The pages that are made of the code: command line, errors, option table, man pages. `script/docs` writes them."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from docs import json_objects  # noqa: E402
from sshsync import errors  # noqa: E402
from sshsync.cli.main import cli  # noqa: E402
from sshsync.config import render  # noqa: E402
from sshsync.config.schema import VARIABLES, GlobalOptions, RepositoryOptions  # noqa: E402
from tests import mistakes  # noqa: E402

MADE = "<!-- made by script/docs: change the code instead -->"


def pages() -> dict[Path, str]:
    """Return every generated file with its content."""
    return {
        DOCS.parent / "etc" / "sshsync.conf": render.sample(render.INSTALLED),
        DOCS / "configuration.md": render.reference(),
        DOCS / "commands.md": commands(),
        DOCS / "errors.md": error_tree(),
        DOCS / "json.md": "\n".join([*json_objects.page(), ""]),
        DOCS / "sshsync.schema.json": json.dumps(json_objects.schema(), indent=1) + "\n",
        DOCS / "man" / "sshsync.1.md": manual(),
        DOCS / "man" / "sshsync.conf.5.md": configuration_manual(),
    }


def commands() -> str:
    """Return the reference of the command line."""
    lines = [MADE, "", "# Commands", "", "What `sshsync --help` and `sshsync COMMAND --help` say.", ""]
    for words, command in _all(cli, ("sshsync",)):
        lines += [f"## {' '.join(words)}", "", *_usage(words, command), "", *_help(command), *_options(command, shared=words == ("sshsync",))]
    return "\n".join([*lines, *_OUTPUT, ""])


def error_tree() -> str:
    """Return the page of messages, exit codes and errors."""
    lines = [MADE, "", "# Messages, exit codes and errors", "", *_SEARCH, *mistakes.page()]
    lines += ["## Exit codes", "", "| exit code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in errors.MEANINGS.items()]
    lines += [
        "",
        "The first that applies: interrupted, a bug, another run at work (8), trust (10), refused (9), another controller on a",
        "child (8), 75 when every failure is temporary, 6 when nothing reached its goal, 7 when some did, 11 for a dry run that",
        "found differences, 0.",
        "",
        "## Errors of the library",
        "",
        "All are in `sshsync.errors`. *Temporary* ones are tried again by themselves.",
        "",
        "| error | exit code | temporary | meaning |",
        "|---|---|---|---|",
    ]
    for error, depth in _errors(errors.SshsyncError, 0):
        first = (inspect.getdoc(error) or "").splitlines()[0]
        code = "130, 143" if error is errors.InterruptedRun else error.code
        lines.append(f"| {'&emsp;' * depth}`{error.__name__}` | {code} | {'yes' if error.transient else ''} | {first} |")
    return "\n".join([*lines, ""])


def manual() -> str:
    """Return sshsync(1)."""
    lines = [MADE, "", "# sshsync", "", "## Synopsis", "", "`sshsync [OPTION]... --sync A,B [--sync C,D]...`", "", "`sshsync [OPTION]... COMMAND [ARGUMENT]...`", "", "## Description", "", *_help(cli)]
    for words, command in _all(cli, ("sshsync",)):
        heading = "Options" if words == ("sshsync",) else " ".join(words[1:])
        body = [] if words == ("sshsync",) else [*_usage(words, command), "", *_help(command)]
        lines += [f"## {heading}", "", *body, *_options(command, shared=words == ("sshsync",))]
    lines += [*_OUTPUT, "## Exit status", ""]
    for code, meaning in errors.MEANINGS.items():
        lines += [f"{code}", f": {meaning}", ""]
    return "\n".join([*lines, *_TAIL])


def configuration_manual() -> str:
    """Return sshsync.conf(5)."""
    lines = [MADE, "", "# sshsync.conf", "", *_CONF, "", "## Section [sshsync]: global settings", "", *_keys(GlobalOptions)]
    lines += ["`plan.NAME`", ": Stages for `sshsync --plan NAME`: `--sync A --sync B,C`, or `--all`. There may be several.", ""]
    lines += ["## Sections of repositories, and [DEFAULT]", "", *_keys(RepositoryOptions), *_FILES, "", "## Variables of templates", "", ", ".join(f"`{name}`" for name in VARIABLES) + ".", "", *_TEMPLATES]
    return "\n".join(lines)


_SEARCH = """You have a message on the screen, in the log or in a mail: search this page for its words without names, addresses and paths, say
`cannot be written by`. Each message names the host or repository first, then what failed in the host's own words, then in parentheses what to do
next. Every message below was printed by the test that makes the mistake (`tests/integration/test_mistakes.py`).

If it is not here: `sshsync hosts check NAME` looks at one host and changes nothing, `sshsync -v …` says more, and the log file has every
event. What to do after a run that failed: [after a failure](howto/after-a-failure.md).
""".splitlines()

_OUTPUT = """## Output

What a run prints is not its result. Where stdout or stderr is closed, full, or read by nobody any more, `--sync`, `--all`, `--plan`,
`resume`, `verify` and `watch` do their work all the same, and end with the exit code of the run; the log, `status` and `report` tell the rest.

A command whose only result is what it prints (`status`, `history`, `report`, `diff`, `ls`, `sums`, `restore --list`, `config`, `hosts`, `notify`, `--help`) ends with 6 and a message when that
cannot be written. A reader who had enough, as in `sshsync history | head -1`, is no failure: such a command ends with 0 and says nothing.

A bug ends with 5 and one line; its traceback is in the log file, with `--verbose` on stderr too.
""".splitlines()

_TAIL = """## Environment

`SSHSYNC_CONFIG`
: Configuration file, where `--config` names none.

`NO_COLOR`
: No colours, whatever the terminal can.

`CREDENTIALS_DIRECTORY`
: Where systemd puts the credentials of a service; key and password files in it may show a group's permission.

## Files

`/etc/sshsync/sshsync.conf`
: Configuration; see sshsync.conf(5).

`/var/lib/sshsync`
: State of the service: journal, lock, known host keys. When root calls sshsync and the state belongs to another account,
  sshsync goes on as that account.

`/var/log/sshsync/sshsync.log`
: Log of the service. It may be renamed at any time; sshsync goes on in a new one.

## See also

sshsync.conf(5), sshsync-cookbook(7), systemd.timer(5), sshd(8)
""".splitlines()

_CONF = """## Description

INI text: `[section]`, `key = value`; indented lines continue a value, lines that begin with `#` or `;` are comments.
`${env:NAME}` in a value stands for what the environment of the account that runs sshsync says; in files of the
controller (`state_dir`, `log_file`, `key_file` …) `${NAME}` does, too. A variable that is not set is an error. There is one section for each repository; `[DEFAULT]` holds values for
all of them, `[sshsync]` the global settings. `sshsync config check` tells everything that is wrong, with line numbers;
`sshsync config show NAME` shows each value and where it comes from.

`[appnode[01-20]]` stands for twenty repositories; `{n}` in a value is the number as written.

The file must belong to root or to the account that runs sshsync, and nobody else may be able to write to it, nor
to read it where it holds a `password`.
""".splitlines()

_FILES = """## What is deleted

With `delete = yes` a child loses the files that its parent does not have, after everything else has arrived, and only when both listings were complete and
nothing failed or was deferred. `max_delete` refuses more than it allows. What `exclude` names, links and devices are never removed.

A file that stands where a directory belongs, or a directory where a file belongs, makes room in the command that publishes: first the old goes, then the new
appears, and for that moment a reader finds neither. These deletions count for `max_delete`, and wait for nothing else. Only files that were listed are removed,
one by one, and directories that are empty: where anything else lies in there, nothing of it is removed, and the file fails with the name of what stays. Without
`delete` nothing makes room, and the file fails.

## What is still being written

A master's file is taken when it was left alone for `stable_for` by its own host's clock, and stayed so while it was digested and while it was read: its size, times
and inode are looked at again after both. What changed meanwhile is young, whatever its times say. A run waits for the young files of a master once, at most `stable_for`;
what is not quiet then is deferred, which is no failure, and the next run takes it. With `stable_for = 0` files are taken as they are; one that changes
while it is sent is sent anew, three times in all, then deferred.
""".splitlines()

_TEMPLATES = """`listcmd`, `digestcmd` and `synccmd` run on the repository's host in a subshell of `shell`, with the input from
`/dev/null`, under `LC_ALL=C`, `set -f` and an empty `IFS`: a variable is exactly one word, quoted or not. `listcmd` sees
`REPOPATH`; `digestcmd` sees `REPOPATH`, `FILE` and `FILEPATH`; `synccmd` sees all. `REMOTE...` is the parent as its child
reaches it; `LOCALDIR` is a staging directory from which sshsync publishes the file after it verified it.

## See also

sshsync(1), sshsync-cookbook(7)
""".splitlines()


def _all(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words; a group that only holds others is left out."""
    context = click.Context(command)
    group = isinstance(command, click.Group)
    if not group or len(words) == 1:
        yield words, command
    if group:
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from _all(found, (*words, name))


def _usage(words: tuple[str, ...], command: click.Command) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(click.Context(command)))
    return [f"`{' '.join(words)} {pieces}`"]


def _help(command: click.Command) -> list[str]:
    """Return help text as Markdown: a paragraph that click must not wrap is shown as it is."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            lines += ["```text", *paragraph.splitlines()[1:], "```", ""]
        else:
            lines += [paragraph, ""]
    return lines


def _options(command: click.Command, *, shared: bool) -> list[str]:
    """Return a command's options; those that all commands take are told once."""
    common = {option.name for option in cli.params if option.name in _SHARED}
    lines = []
    for option in command.params:
        if isinstance(option, click.Option) and option.help and (shared or option.name not in common):
            record = option.get_help_record(click.Context(command))
            assert record is not None, option.name
            lines += [f"`{record[0]}`", f": {record[1]}", ""]
    return lines


_SHARED = ("config", "state_dir", "json", "quiet", "verbose", "no_color")


def _errors(error: type[errors.SshsyncError], depth: int) -> Iterator[tuple[type[errors.SshsyncError], int]]:
    yield error, depth
    for below in error.__subclasses__():
        yield from _errors(below, depth + 1)


def _keys(model: type) -> list[str]:
    lines = []
    for name, entry in model.model_fields.items():
        value = render.value_text(entry.default)
        default = f" Default: `{value}`." if value and "*" not in value else ""
        example = f" Example: `{entry.examples[0]}`." if entry.examples else ""
        lines += [f"`{name}`", f": {entry.description}{default}{example}", ""]
    return lines


if __name__ == "__main__":
    for file, content in pages().items():
        file.write_text(content)
