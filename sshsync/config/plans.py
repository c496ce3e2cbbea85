"""Named plans: ``plan.nightly = --sync a --sync b,c`` in ``[sshsync]`` is what ``sshsync --plan nightly`` runs."""

import re
import shlex
from collections.abc import Mapping

from sshsync.config.load import GLOBAL, Section
from sshsync.core import planner, selection
from sshsync.errors import ConfigProblem, UnknownRepositoryError, UsageError
from sshsync.model.topology import Tree

PREFIX = "plan."
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def parse(text: str) -> tuple[str, ...]:
    """Return the stages that a plan's words ask for, () for all repositories.

    Raises:
        ValueError: the words are not those of a command line.
    """
    try:
        words = shlex.split(text.replace("\n", " "))
    except ValueError as error:
        raise ValueError(f"cannot be read: {error}") from None
    if words == ["--all"]:
        return ()
    stages: list[str] = []
    waiting = False
    for word in words:
        if waiting:
            stages.append(word)
            waiting = False
        elif word in ("--sync", "-s"):
            waiting = True
        elif word.startswith("--sync="):
            stages.append(word.removeprefix("--sync="))
        else:
            raise ValueError(f"{word!r} is neither --sync A,B nor --all")
    if waiting or not stages:
        raise ValueError("must be --sync A --sync B,C, or --all")
    return tuple(stages)


def named(section: Section, problems: list[ConfigProblem]) -> dict[str, tuple[str, ...]]:
    """Return the stages of each plan of a section by its name; what is none is added to the problems."""
    found = {}
    for key, value in section.values.items():
        name = key.removeprefix(PREFIX)
        if name == key:
            continue
        try:
            found[name] = parse(value.text)
            if not NAME.fullmatch(name):
                raise ValueError("is no name for a plan")
        except ValueError as error:
            problems.append(ConfigProblem(value.place, f"[{GLOBAL}] {key}: {error}"))
    return found


def faults(section: Section, plans: Mapping[str, tuple[str, ...]], made: Tree) -> list[ConfigProblem]:
    """Check that every plan can be run, as a command line would be."""
    found = []
    for name, stages in plans.items():
        try:
            planner.plan(made, [selection.select(made, stage) for stage in stages] or planner.everything(made))
        except (UsageError, UnknownRepositoryError) as error:
            key = PREFIX + name
            found.append(ConfigProblem(section.values[key].place, f"[{GLOBAL}] {key}: {error.what}", error.hint))
    return found
