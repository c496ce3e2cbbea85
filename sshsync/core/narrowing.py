"""Patterns to which one run is narrowed, and those of them that match nothing."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice

from sshsync.model.events import key_text
from sshsync.model.item import Key
from sshsync.model.narrow import Narrow
from sshsync.model.words import visible

_MOST = 20_000
"""Names among which one is looked for that may be meant: with millions that would take a while."""


def positive(narrow: Narrow) -> tuple[str, ...]:
    """Return the patterns that have to match something: one that begins with ``!`` takes something back."""
    return tuple(one for one in narrow.include if not one.startswith("!"))


def unmatched(tests: Mapping[str, Callable[[Key], bool]], names: Iterable[Key]) -> list[str]:
    """Return the patterns that match none of the names, in order.

    Args:
        tests: tells for each pattern whether it matches a name.
        names: of all that there is.
    """
    left = dict(tests)
    for name in names:
        if not left:
            break
        for pattern in [pattern for pattern, test in left.items() if test(name)]:
            del left[pattern]
    return list(left)


def absent(pattern: str, parent: str, names: Iterable[Key]) -> str:
    """Return in words that a pattern matches nothing on a parent, and what may be meant."""
    near = _near(pattern, names)
    meant = f": did you mean {visible(near, 200)}?" if near else ""
    return f"nothing on {parent} matches --include {visible(pattern, 200)}{meant}"


def nothing(narrow: Narrow, patterns: Iterable[str], parent: str, names: Iterable[Key]) -> str:
    """Return in words that nothing takes part of what a parent holds, and why as far as it is known.

    Args:
        narrow: what the run is narrowed to.
        patterns: those of it that match nothing there.
        parent: its name.
        names: all that there is on it.
    """
    found = list(names)
    told = [absent(pattern, parent, found) for pattern in patterns]
    return "; ".join(told) if told else f"nothing on {parent} takes part in what is {narrow.words}"


def _near(pattern: str, names: Iterable[Key]) -> str:
    """Return what may be meant instead of a pattern: a name, the end of one, a directory; "" for nothing."""
    found: dict[str, None] = {}
    for name in islice(names, _MOST):
        text = key_text(name)
        directory, _, last = text.rpartition("/")
        _, dot, ending = last.rpartition(".")
        found |= dict.fromkeys(
            (text, last, *([f"*.{ending}"] if dot else ()), *([f"{directory}/"] if directory else ()))
        )
    return next(iter(get_close_matches(pattern, found, n=1, cutoff=0.75)), "")
