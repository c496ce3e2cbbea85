"""What is kept of repositories, and what was brought back, as lines."""

import shlex
from collections.abc import Iterable, Iterator

from sshsync.core import kept
from sshsync.model.events import key_text
from sshsync.model.item import Key
from sshsync.model.kept import Kept, Restored
from sshsync.model.words import visible
from sshsync.report import answers, as_holdings

_LONGEST = 4096
"""Bytes that a path has at the most: none is cut."""


def listed(repository: str, one: Kept) -> answers.Kept:
    """Return a version for programs."""
    item = one.item
    return answers.Kept(repository, one.run, kept.begun(one.run), key_text(item.key), item.size, item.mtime)


def lines(found: Iterable[Kept]) -> Iterator[str]:
    """Yield a line for each version: the run that put it aside, size in bytes, time, name."""
    told = list(found)
    runs = max((len(one.run) for one in told), default=0)
    sizes = max((len(str(one.item.size)) for one in told), default=0)
    for one in told:
        item = one.item
        when = as_holdings.moment(item.mtime)
        yield f"{one.run:<{runs}}  {item.size:>{sizes}}  {when:<19}  {visible(item.key, _LONGEST)}"


def restored(repository: str, done: Restored) -> answers.Restored:
    """Return what was brought back for programs."""
    item, run = done.kept.item, done.kept.run
    name, exclude = key_text(item.key), kept.pattern(item.key)
    return answers.Restored(repository, run, name, item.size, done.digest, done.expected, done.aside, exclude)


def failed(done: Restored) -> str:
    """Return why something was not brought back."""
    return f"{visible(done.kept.item.key, 200)}: not brought back: {done.reason}"


def restored_line(repository: str, done: Restored) -> str:
    """Return what was brought back, and what is known of it."""
    item, run = done.kept.item, done.kept.run
    if not done.expected:
        known = "verified as it was kept; what it was before is not on record"
    elif done.expected == done.digest:
        known = "verified: as it was published before"
    else:
        known = "verified as it was kept; it had been changed there after it was published"
    return f"{repository}: {visible(item.key, _LONGEST)} is as it was before {run} ({known})"


def what_next(command: str, repository: str, done: Iterable[Restored]) -> Iterator[str]:
    """Yield what an operator should know about what was brought back: what stood there, and what the next run does.

    Args:
        command: how sshsync is called.
        repository: where that is.
        done: what was brought back.
    """
    told = list(done)
    if aside := [one for one in told if one.aside]:
        path, run = _word(aside[0].kept.item.key) if len(aside) == 1 else "PATH", aside[0].aside
        yield f"what stood there is kept; to bring it back: {command} restore {repository} --from {run} {path}"
    patterns = [pattern for one in told if (pattern := kept.pattern(one.kept.item.key))]
    exclude = patterns[0] if len(told) == 1 and patterns else "/PATH"
    yield f"the next run brings what its parent has again; to prevent that, add to exclude of [{repository}]: {exclude}"


def _word(key: Key) -> str:
    """Return the path of an item as a word of a command line, PATH where no screen shows it as it is."""
    text = key.decode(errors="replace")
    if not text.isprintable() or text.encode() != key:
        return "PATH"
    return f"-- {shlex.quote(text)}" if text.startswith("-") else shlex.quote(text)
