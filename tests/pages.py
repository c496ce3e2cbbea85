"""The documentation as something that can be run: its commands with the output that they promise, its configurations.

A block of ``console`` holds lines such as ``ops# sshsync status``: the prompt names the machine, ``#`` is root there and
``$`` the account of its repository. Lines without a prompt are the output that is promised; ``…`` stands for any text,
alone for any lines; without such lines the output does not matter. ``(status 7)`` as the last line is the exit status.
A comment of HTML that begins with ``console`` holds what has to be so before and is not worth showing. A block of
``ini`` after a paragraph that ends in a path and a colon is that file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
ANY = -1
"""An exit status that does not matter."""

_BLOCK = re.compile(r"^(?:```console\n(?P<shown>.*?)^```|<!-- console\n(?P<hidden>.*?)^-->|[^\n]*`(?P<path>/[^`\s]+)`:\n\n```ini\n(?P<file>.*?)^```)$", re.MULTILINE | re.DOTALL)
_COPY = re.compile(r"copy (?P<machine>[a-z0-9]+):(?P<source>\S+) (?P<target>\S+)")
_PROMPT = re.compile(r"(?P<machine>[a-z][a-z0-9]*)(?P<who>[#$]) (?P<command>.+)")


@dataclass
class Command:
    """One command; `promised` is its output as the page shows it."""

    machine: str
    root: bool
    command: str
    promised: list[str] = field(default_factory=list)
    status: int = 0

    def matches(self, output: str) -> bool:
        """Tell whether output is as promised."""
        if not self.promised:
            return True
        lines = [r"(?:.*\n)*" if line == "…" else re.escape(line.rstrip()).replace("…", ".*") + r"\s*\n" for line in self.promised]
        return re.fullmatch("".join(lines), output if output.endswith("\n") else output + "\n") is not None


@dataclass
class Copy:
    """A file of the controller that an operator brings to all hosts by hand."""

    source: str
    target: str


@dataclass
class File:
    """A file that the page tells to write."""

    path: str
    content: str


def steps(page: Path) -> Iterator["Command | File | Copy"]:
    """Yield what the page does, in order."""
    for block in _BLOCK.finditer(page.read_text()):
        if block["path"]:
            yield File(block["path"], block["file"])
        else:
            yield from commands(block["shown"] or block["hidden"])


def commands(block: str) -> Iterator[Command | Copy]:
    current: Command | None = None
    for line in block.splitlines():
        found = _PROMPT.fullmatch(line)
        status = re.fullmatch(r"\(status (\d+|…)\)", line)
        copied = _COPY.fullmatch(line)
        if copied:
            yield Copy(copied["source"], copied["target"])
        elif found:
            if current:
                yield current
            current = Command(found["machine"], found["who"] == "#", found["command"])
        elif current is None:
            raise ValueError(f"output without a command: {line}")
        elif current.command.endswith("\\") or _heredoc_open(current.command):
            current.command += f"\n{line}"
        elif status:
            current.status = ANY if status[1] == "…" else int(status[1])
        else:
            current.promised.append(line)
    if current:
        yield current


def _heredoc_open(command: str) -> bool:
    first, *rest = command.split("\n")
    return "<<'END'" in first and "END" not in rest


def configurations(page: Path) -> list[str]:
    """Return every block of ini on the page."""
    return re.findall(r"^```ini\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return every page that somebody wrote."""
    return sorted(page for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"] if "made by script/docs" not in page.read_text())
