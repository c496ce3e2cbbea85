"""Programs for hosts: what they are made of, and how they are read from the files beside this one.

A program's file defines ``main``. Before it come ``base/start.sh``, the statuses and the shared functions that the
program uses; behind it ``base/end.sh``. These files are code, as constant as this one, and are read once, at import.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from importlib.resources import files


class Status(IntEnum):
    """A status with a meaning; in a program it is the variable of this name."""

    MISSING = 44
    """The root is missing."""
    LOST = 45
    """The lease is not ours any more."""
    HELD = 46
    """Somebody else holds the lease."""
    SHORT = 47
    """Not all that another host was asked for came from there."""
    BARRED = 48
    """The root cannot be made, or nothing be staged in it."""
    UNGROUPED = 49
    """Files cannot be given to the group that is asked for."""
    UNABLE = 50
    """There is nothing that would make the changes."""


Use = str | Status
"""A shared function, by the name of its file in ``base/``, or a status."""

SHARED: dict[str, tuple[Use, ...]] = {
    "top": (),
    "barred": (),
    "member": (),
    "root": (Status.MISSING, Status.BARRED, Status.UNGROUPED, "barred", "member"),
    "own": ("top",),
    "held": (Status.LOST,),
    "run": (),
    "batches": ("run",),
    "real": (),
    "plain": ("real",),
    "inside": (),
    "step": ("inside",),
    "told": (),
    "prune": (),
    "safe": (),
    "aside": ("real", "safe"),
    "drop": ("real", "prune", "safe"),
    "grouped": ("run", "held", "drop"),
    "secrets": (),
    "nobody": (),
    "range": (),
    "over": (),
    "deflated": (),
    "inflated": (),
}
"""What each shared function uses itself."""


_HERE = files(__package__)


def stripped(text: str) -> str:
    """Return a program without empty lines, lines of comment and indentation: on a command line each byte counts.

    No text in quotes may run over the end of a line.
    """
    lines = (line.lstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))


def text_of(file: str, room: str = __package__) -> str:
    """Return the text of a file below a package, stripped."""
    return stripped(files(room).joinpath(file).read_text("ascii"))


def indented(text: str) -> str:
    """Return a program whose layout has a meaning without empty lines and lines of comment, indented by single blanks.

    No text in quotes may run over the end of a line, but for those that only tell readers something.
    """
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return "".join(" " * ((len(line) - len(line.lstrip())) // 4) + line.lstrip() + "\n" for line in lines)


_START, _END = text_of("base/start.sh"), text_of("base/end.sh")
_TEXTS = {name: text_of(f"base/{name}.sh") for name in SHARED}


@dataclass(frozen=True, slots=True)
class Script:
    """A named program.

    Attributes:
        body: defines ``main`` and what it calls.
        lists: it may print more than it was asked about.
    """

    name: str
    body: str
    lists: bool = False

    @property
    def text(self) -> str:
        """The whole program."""
        return _START + self.body + _END


@dataclass(frozen=True, slots=True)
class Command:
    """A script with its variables: all that a transport needs to start it.

    Attributes:
        agent: it may ask the ssh-agent of the account that runs sshsync, as long as it runs.
        names: of how many its answer tells, where its input may have a line for many of them.
    """

    script: Script
    variables: dict[str, bytes] = field(default_factory=dict)
    agent: bool = False
    names: int = 0


def load(file: str, *uses: Use, lists: bool = False, room: str = __package__) -> Script:
    """Return the program of a file, with the shared functions and statuses that it uses.

    Args:
        file: path below the package, without ``.sh``; its last part is the program's name.
        uses: what the program uses itself; what these use comes along.
        lists: it may print more than it was asked about.
        room: the package that the file is part of.
    """
    body = "".join(_shared(use) for use in _closure(uses)) + text_of(f"{file}.sh", room)
    return Script(file.rpartition("/")[2], body, lists)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A program in another language than the shell's, sent along with the script that has it carried out.

    Attributes:
        run: the words that start its interpreter, up to the program's text.
        text: the whole program.
    """

    run: str
    text: str

    @property
    def variables(self) -> dict[str, bytes]:
        """What a script that uses it has to know."""
        return {"RUN": self.run.encode(), "PROGRAM": self.text.encode()}


def python(*parts: str, room: str) -> str:
    """Return a program in Python alone, for hosts of whose Python it tells; see `indented`.

    Args:
        parts: files that it is made of, in order. What one imports from an earlier one stands before it.
        room: the package that they are part of.
    """
    before = tuple(f"from {file.rpartition('/')[2]} import " for file in parts)
    texts = "".join(files(room).joinpath(f"{file}.py").read_text("ascii") for file in parts)
    return indented("".join(line for line in texts.splitlines(keepends=True) if not line.startswith(before)))


def foreign(file: str) -> dict[str, Foreign]:
    """Return a program in every language that it is written in, by its interpreter.

    Args:
        file: path below this package, without the ending.
    """
    python, perl = (_HERE.joinpath(f"{file}.{ending}").read_text("ascii") for ending in ("py", "pl"))
    return {
        "python3": Foreign("python3 -I -S -c", indented(python)),
        "perl": Foreign("perl -e", stripped(perl)),
    }


def _shared(use: Use) -> str:
    return f"{use.name}={use.value}\n" if isinstance(use, Status) else _TEXTS[use]


def _closure(uses: Iterable[Use]) -> dict[Use, None]:
    """What is used, each once and in order, with all that it uses itself."""
    found: dict[Use, None] = {}
    for use in uses:
        found |= _closure(() if isinstance(use, Status) else SHARED[use]) | {use: None}
    return found
