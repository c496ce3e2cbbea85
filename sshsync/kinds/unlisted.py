"""What a listing could not look at, out of the words of find and stat: one line each."""

import re
from collections.abc import Callable, Iterator

from sshsync.kinds.base import Answer
from sshsync.model.item import Key
from sshsync.model.problem import Problem
from sshsync.model.words import visible

_PLACE = re.compile(rb"[^/]*?['\"]?\./(.+?)['\"]?: ([^:]+)")
_GONE = b"no such file or directory"


def unlisted(answer: Answer, reaches: Callable[[Key], bool]) -> tuple[Problem, ...]:
    """Return what of a listing that failed in part is missing in it.

    Args:
        answer: of the command that lists.
        reaches: whether something of a name, or what lies below it, may take part: the rest need not be listed.

    Guarantees:
        A line whose place cannot be told counts as something that takes part; so does a failure without a word.
    """
    if not answer.status:
        return ()
    lines = answer.errors.strip().splitlines()
    if not lines:
        return (Problem(b".", f"exit status {answer.status}"),)
    # A host that lists twice says so twice.
    return tuple(dict.fromkeys(problem for problem in _problems(lines) if problem.within(reaches)))


def _problems(lines: list[bytes]) -> Iterator[Problem]:
    for line in lines:
        found = _PLACE.fullmatch(line)
        key, why = found.groups() if found else (b".", line)
        yield Problem(key, visible(why, 300), gone=_GONE in line.lower())
