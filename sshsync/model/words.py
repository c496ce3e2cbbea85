"""Words for people: what a kind calls its items, and words of hosts and names on their way to a screen."""

from collections.abc import Callable
from dataclasses import dataclass

Order = Callable[[str, str], int | None]
"""Tells of two versions which is the older one, as `cmp` does; None where that makes no sense."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the items of a kind are called, and what happens to one that its parent has.

    Attributes:
        one, many: an item, and several.
        bring: what is done with one that is missing or differs.
        brought: what happened to it then.
    """

    one: str
    many: str
    bring: str
    brought: str


@dataclass(frozen=True, slots=True)
class Place:
    """What holds the items of a kind.

    Attributes:
        name: what it is called.
        lost: what an operator does who finds it empty or gone where there were items.
        only: what of all that it holds is an item, so why the rest is left out; "" where there is no rest.
    """

    name: str
    lost: str
    only: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """What tells an item before a change from the same one after it, for people; "" where nothing does.

    Attributes:
        down: the new one is the older of the two.
    """

    old: str = ""
    new: str = ""
    down: bool = False


NEUTRAL = Words("item", "items", "bring", "brought")
"""What is true of items of any kind."""

USUAL = Words("file", "files", "copy", "copied")
"""What is meant where nobody says: journals have words only since there may be other items."""


def visible(words: str | bytes, limit: int = 400) -> str:
    """Return words of a host, or a name, fit for any terminal or log.

    What Unicode does not call printable (controls, bidirectional and other invisible marks, what is unassigned),
    undecodable bytes and backslashes appear as escapes; longer texts are cut at `limit` characters.
    """
    decoded = words.decode("utf-8", "surrogateescape") if isinstance(words, bytes) else words
    shown = "".join(map(_shown, decoded[: limit + 1]))
    return shown if len(decoded) <= limit else shown[:limit] + "…"


def complaint(said: bytes, limit: int = 400) -> str:
    """Return what a program complained about, in one line that is fit for any terminal: its own lines side by side."""
    lines = (line.strip() for line in said.splitlines())
    return visible(b"; ".join(line for line in lines if line), limit)


def _shown(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if char in named:
        return named[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
