"""Which of the versions that are kept is meant, and what is known of it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sshsync.core.naming import FORM
from sshsync.model.item import Key
from sshsync.model.kept import Kept

_ODD = b"\\*?["


def ordered(found: Iterable[Kept]) -> list[Kept]:
    """Return what is kept, by name, and of each the newest version first."""
    newest = sorted(found, key=lambda kept: kept.run, reverse=True)
    return sorted(newest, key=lambda kept: kept.item.key)


def chosen(found: Sequence[Kept], path: Key, matches: Callable[[Key], bool]) -> list[Kept]:
    """Return the versions of what a path means: an item, all below a directory, else what a pattern matches.

    Args:
        found: what is kept.
        path: what is meant.
        matches: tells whether a key is matched where the path is read as a pattern.
    """
    place = path.removeprefix(b"./").rstrip(b"/")
    named = [kept for kept in found if kept.item.key == place or kept.item.key.startswith(place + b"/")]
    return named or [kept for kept in found if matches(kept.item.key)]


def newest(found: Iterable[Kept]) -> list[Kept]:
    """Return the newest version of each item, by name."""
    latest: dict[Key, Kept] = {}
    for kept in ordered(found):
        latest.setdefault(kept.item.key, kept)
    return list(latest.values())


def begun(run: str) -> float | None:
    """Return when a run began, in seconds since the epoch, by its name; None where that does not tell."""
    try:
        return datetime.strptime(run.rpartition("-")[0], FORM).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def pattern(key: Key) -> str:
    """Return what matches this one key as a pattern of `exclude`, "" where none can stand in a configuration."""
    odd = any(byte < 32 for byte in key) or key.endswith(b" ")
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return ""
    return "" if odd else "/" + "".join(f"\\{char}" if char.encode() in _ODD else char for char in text)
