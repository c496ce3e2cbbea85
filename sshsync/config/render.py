"""The option table as a commented sample and as a reference page."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sshsync.config import texts
from sshsync.config.schema import VARIABLES, GlobalOptions, RepositoryOptions
from sshsync.model.policy import MaxDelete

_HEAD = """\
# Configuration of sshsync. Check it with: sshsync config check
#
# One section for each repository; [DEFAULT] holds values for all of them, [sshsync] the global settings.
# Every key is shown with its default, or with an example after it.
"""

_EXAMPLE = """\
# A master that a vendor fills, a proxy that may reach it, and two nodes behind the proxy:
#
# [repomaster]
# host = 192.168.0.1
# user = repoowner
# path = /home/repoowner/apprepo
#
# [repoproxy]
# host = 192.168.1.1
# user = proxyrunner
# path = /dat/repoproxy
# parent = repomaster
#
# [appnode1]
# host = 10.0.0.11
# path = /dat/repo
# parent = repoproxy
# via = repoproxy
#
# Then: sshsync --sync repoproxy --sync appnode1
"""


INSTALLED = {
    "state_dir": "/var/lib/sshsync",
    "log_file": "/var/log/sshsync/sshsync.log",
    "report_dir": "/var/lib/sshsync/reports",
}
"""What a package sets: its service account has directories of its own."""


def sample(values: Mapping[str, str] | None = None) -> str:
    """Return the commented sample configuration; it is valid but for the missing repositories.

    Args:
        values: global settings that are set in it, instead of only being shown.
    """
    plan = ["# Stages by name, for: sshsync --plan nightly", "#plan.nightly = --sync repoproxy --sync appnode1", ""]
    parts = [
        _HEAD,
        "[sshsync]",
        *_keys(GlobalOptions, values or {}),
        *plan,
        "[DEFAULT]",
        *_keys(RepositoryOptions, {}),
        _EXAMPLE,
    ]
    return "\n".join(parts)


def reference() -> str:
    """Return the reference page in Markdown."""
    parts = [
        "# Configuration reference",
        "",
        "This page is generated from the option table (`sshsync/config/schema.py`) by `script/docs`.",
        "",
        "The file is INI text: `[section]`, `key = value`, indented lines continue a value, lines that start with",
        "`#` or `;` are comments. `${env:NAME}` in a value stands for what the environment of the account that runs",
        "sshsync says; in files of the controller (`state_dir`, `log_file`, `key_file` …) `${NAME}` does, too. Nothing",
        "else in a value has a special meaning to the reader. A `password` in a file that others may read is refused.",
        "",
        "## `[sshsync]`: global settings",
        "",
        *_table(GlobalOptions),
        "",
        "`plan.NAME = --sync A --sync B,C` (or `--all`) names stages for `sshsync --plan NAME`; there may be several.",
        "",
        "## Repository sections and `[DEFAULT]`",
        "",
        *_table(RepositoryOptions),
        "",
        "## Many repositories at once",
        "",
        "`[appnode[01-20]]` stands for twenty repositories, appnode01 to appnode20; `{n}` in a value is the number as",
        "written. `inherit = appnode1` takes over the values of another section. On the command line, `--sync` takes",
        "lists (`a,b`), ranges (`appnode[01-20]`) and groups (`@site-a`).",
        "",
        "## Variables in `listcmd`, `digestcmd` and `synccmd`",
        "",
        "A template runs on its repository's host in a subshell of `shell`, with its input from `/dev/null`, under",
        "`LC_ALL=C`, `set -f` and an empty `IFS`: `${FILEPATH}` is exactly one word, quoted or not. A template that",
        "needs word splitting sets `IFS` itself, or calls a script.",
        "",
        ", ".join(f"`{name}`" for name in VARIABLES) + ".",
        "",
        "`listcmd` sees `REPOPATH`; `digestcmd` sees `REPOPATH`, `FILE` and `FILEPATH`; `synccmd` sees all of them:",
        "`REMOTE…` is the parent as its child reaches it, `LOCALDIR` is a staging directory from which sshsync",
        "publishes the file after it verified it. `listcmd` prints one path a line, or NUL-separated paths.",
        "",
    ]
    return "\n".join(parts)


def value_text(value: Any) -> str:
    """Return a value as it would stand in the file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, MaxDelete):
        return f"{value.count}, {value.percent:g}%"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return _weekly(*value) if value and isinstance(value[0], int) else "\n    ".join(value)
    return str(value)


def _weekly(day: int, hour: int, minute: int) -> str:
    return f"{texts.DAYS[day][:3].capitalize()} {hour:02}:{minute:02}"


def shown(model: type[BaseModel], *values: object) -> dict[str, str]:
    """Return the values of a section as they would stand in the file; of a secret only whether it is set.

    Args:
        model: the options of the section.
        values: what has them as attributes, each some of them.
    """
    found = {}
    for name, entry in model.model_fields.items():
        value = value_text(next(getattr(held, name) for held in values if hasattr(held, name)))
        found[name] = "(set)" if value and not entry.repr else value
    return found


def _keys(model: type[BaseModel], values: Mapping[str, str]) -> list[str]:
    lines = []
    for name, entry in model.model_fields.items():
        words = _wrapped(entry.description or "", 105)
        lines += ["", *(f"# {line}" for line in words)]
        shown = value_text(entry.default)
        example = (entry.examples or [""])[0]
        lines.append(f"{name} = {values[name]}" if name in values else f"#{name} = {shown or example}".rstrip())
    return [*lines, ""]


def _table(model: type[BaseModel]) -> list[str]:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for name, entry in model.model_fields.items():
        default = value_text(entry.default)
        shown = f"`{default}`" if default else ""
        example = f" Example: `{entry.examples[0]}`." if entry.examples else ""
        meaning = f"{entry.description}{example}".replace("|", "\\|")
        rows.append(f"| `{name}` | {shown} | {meaning} |")
    return rows


def _wrapped(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
