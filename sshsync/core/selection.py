"""Names of repositories as an operator writes them: lists, ranges (``node[01-20]``), groups (``@site``), ``node*``."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.model.topology import Tree

MOST = 10_000
"""Names that one range may stand for."""

_RANGE = re.compile(r"([^\[\]]*)\[([0-9,-]+)\]([^\[\]]*)")
_COMMAS = re.compile(r",(?![^\[]*\])")


def expand(text: str) -> list[tuple[str, str]]:
    """Return the names that a word stands for, each with its number as written ("" for a plain name).

    ``node[08-10,20]`` is node08, node09, node10, node20: leading zeros are kept.

    Raises:
        ValueError: the range is malformed, runs backwards, or is larger than `MOST`.
    """
    found = _RANGE.fullmatch(text)
    if not found:
        if "[" in text or "]" in text:
            raise ValueError(f"{text!r} is no range; write it like node[01-20]")
        return [(text, "")]
    before, inside, after = found.groups()
    numbers: list[str] = []
    for part in inside.split(","):
        numbers += _numbers(part, text)
        if len(numbers) > MOST:
            raise ValueError(f"{text!r} stands for more than {MOST} names")
    return [(before + number + after, number) for number in numbers]


def select(tree: Tree, text: str) -> list[str]:
    """Return the repositories that one stage names, in order, each once.

    Raises:
        UsageError: a range is malformed.
        UnknownRepositoryError: no repository is in a group, or none matches. Unknown names are left for the planner.
    """
    names: dict[str, None] = {}
    for word in filter(None, (part.strip() for part in _COMMAS.split(text))):
        if word.startswith("@"):
            names.update(dict.fromkeys(_group(tree, word[1:])))
            continue
        if "*" in word or "?" in word:
            names.update(dict.fromkeys(_matching(tree, word)))
            continue
        try:
            names.update((name, None) for name, _ in expand(word))
        except ValueError as error:
            raise UsageError(str(error)) from None
    return list(names)


def _numbers(part: str, text: str) -> Iterable[str]:
    first, dash, last = part.partition("-")
    if not first or (dash and not last) or "-" in last:
        raise ValueError(f"{text!r}: {part!r} is no range of numbers")
    begin, end = int(first), int(last or first)
    if end < begin:
        raise ValueError(f"{text!r}: {part!r} runs backwards")
    if end - begin >= MOST:
        raise ValueError(f"{text!r} stands for more than {MOST} names")
    return (str(number).zfill(len(first)) for number in range(begin, end + 1))


def _group(tree: Tree, group: str) -> list[str]:
    found = [name for name, repository in tree.repositories.items() if group in repository.groups]
    if not found:
        known = sorted({g for repository in tree.repositories.values() for g in repository.groups})
        hint = f"groups: {', '.join(known)}" if known else "no repository has a groups key"
        raise UnknownRepositoryError(f"no repository is in the group {group!r}", hint=hint)
    return found


def _matching(tree: Tree, pattern: str) -> list[str]:
    # Brackets are those of a range: the shell's classes of characters do not fit beside them.
    found = [name for name in tree.repositories if fnmatchcase(name, pattern.replace("[", "[[]"))]
    if not found:
        hint = f"known: {', '.join(list(tree.repositories)[:20])}"
        raise UnknownRepositoryError(f"no repository matches {pattern!r}", hint=hint)
    return found
