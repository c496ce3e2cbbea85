"""Which items take part: `include` and `exclude` patterns, matched byte by byte as git matches those of a .gitignore.

The last pattern that matches a path decides. Directories are looked at from the top: what lies below one that is
matched is matched too, and no later pattern takes it out again (gitignore(5)).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sshsync.model.item import Key

_SPECIAL = re.compile(rb"[*?\[\\]")
_STARS = re.compile(rb"\*+")
_CLASSES = {
    name: frozenset(code for code in range(128) if re.match(members, bytes([code])))
    for name, members in {
        b"alnum": rb"[0-9A-Za-z]",
        b"alpha": rb"[A-Za-z]",
        b"blank": rb"[ \t]",
        b"cntrl": rb"[\x00-\x1f\x7f]",
        b"digit": rb"[0-9]",
        b"graph": rb"[\x21-\x7e]",
        b"lower": rb"[a-z]",
        b"print": rb"[\x20-\x7e]",
        b"punct": rb"[!-/:-@\[-`{-~]",
        b"space": rb"[ \t\n\v\f\r]",
        b"upper": rb"[A-Z]",
        b"xdigit": rb"[0-9A-Fa-f]",
    }.items()
}


def faults(patterns: Sequence[str]) -> list[str]:
    """Return what is wrong with the patterns, in words: those that can never match anything."""
    found = []
    for pattern in patterns:
        try:
            _parse(pattern)
        except ValueError as error:
            found.append(f"pattern {pattern!r}: {error}")
    return found


def wanted(include: Sequence[str], exclude: Sequence[str]) -> Callable[[Key], bool]:
    """Return the test whether a key takes part: included (when there are includes) and not excluded.

    Included is what git would ignore if the list were a .gitignore; so is excluded.

    Raises:
        ValueError: a pattern is one of those that `faults` tells of.
    """
    if not include and not exclude:
        return lambda _key: True
    included, excluded = _Patterns(include), _Patterns(exclude)
    return lambda key: (not include or included.cover(key)) and not excluded.cover(key)


def reaches(include: Sequence[str], exclude: Sequence[str]) -> Callable[[Key], bool]:
    """Return the test whether what bears a name may take part, or something below it, whatever it is.

    Only what is excluded both as a file and as a directory cannot, and what no pattern of `include` leads to: each
    begins with other directories.

    Raises:
        ValueError: a pattern is one of those that `faults` tells of.
    """
    excluded, starts = _Patterns(exclude), [_start(line) for line in include if _parse(line)]
    return lambda key: not excluded.hide(key) and (not include or any(_meet(start, key + b"/") for start in starts))


def _start(line: str) -> bytes:
    """Return the directories that a pattern begins with as they stand, with a slash behind each; b"" for none."""
    pattern = _trimmed(line.encode("utf-8", "surrogateescape")).removeprefix(b"!")
    anchored = b"/" in pattern.removesuffix(b"/")
    special = _SPECIAL.search(pattern)
    plain = pattern[: special.start()] if special else pattern.removesuffix(b"/") + b"/"
    return plain.removeprefix(b"/").rpartition(b"/")[0] + b"/" if anchored and b"/" in plain.removeprefix(b"/") else b""


def _meet(one: bytes, other: bytes) -> bool:
    """Tell whether one of two paths of directories begins with the other."""
    return one.startswith(other) or other.startswith(one)


class _Patterns:
    """A list of patterns; what is known about directories is kept, so that a name costs one match."""

    def __init__(self, patterns: Iterable[str]) -> None:
        parsed = [pattern for pattern in map(_parse, patterns) if pattern]
        self._directory = _last_first(parsed)
        self._file = _last_first(pattern for pattern in parsed if not pattern.directory)
        self._known = {b"": False}

    def cover(self, key: Key) -> bool:
        """Tell whether the patterns match a file, or a directory above it."""
        return self._cover_directory(key.rpartition(b"/")[0]) or _matches(self._file, key)

    def hide(self, key: Key) -> bool:
        """Tell whether the patterns match what bears a name, be it a file or a directory."""
        return self.cover(key) and self._cover_directory(key)

    def _cover_directory(self, path: bytes) -> bool:
        unknown = []
        while path not in self._known:
            unknown.append(path)
            path = path.rpartition(b"/")[0]
        known = self._known[path]
        for path in reversed(unknown):
            known = self._known[path] = known or _matches(self._directory, path)
        return known


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern: `regex` matches a name, NUL, and the path that ends in it; a `directory` one no file."""

    regex: bytes
    negated: bool
    directory: bool


def _last_first(patterns: Iterable[_Pattern]) -> re.Pattern[bytes]:
    """Return one expression for a list, the last pattern tried first; a group tells that it is not negated."""
    parts = [(b"(?:%s)" if pattern.negated else b"(%s)") % pattern.regex for pattern in patterns]
    return re.compile(b"|".join(reversed(parts)) or b"(?!)", re.DOTALL)


def _matches(patterns: re.Pattern[bytes], path: bytes) -> bool:
    # The last part stands before the path, so a pattern for names at any depth need not look for where it begins.
    found = patterns.match(path.rpartition(b"/")[2] + b"\0" + path)
    return found is not None and found.lastindex is not None


def _parse(line: str) -> _Pattern | None:
    """Read a line of a .gitignore; None for one that is empty or a comment.

    Raises:
        ValueError: it can never match anything.
    """
    pattern = _trimmed(line.encode("utf-8", "surrogateescape"))
    if not pattern or pattern.startswith(b"#"):
        return None
    negated = pattern.startswith(b"!")
    body = pattern.removeprefix(b"!")
    directory = body.endswith(b"/")
    glob = body.removesuffix(b"/")
    anchored = b"/" in glob
    glob = glob.removeprefix(b"/")
    if not glob:
        raise ValueError("names nothing")
    if not anchored:
        return _Pattern(_regex(glob) + rb"\x00", negated, directory)
    # Git compares what comes before the first wildcard as it stands, and begins to match after it.
    special = _SPECIAL.search(glob)
    plain = special.start() if special else len(glob)
    return _Pattern(rb"[^\x00]*\x00" + re.escape(glob[:plain]) + _regex(glob[plain:]) + rb"\Z", negated, directory)


def _trimmed(line: bytes) -> bytes:
    """Drop spaces at the end, but for one after a backslash."""
    kept = at = 0
    while at < len(line):
        step = 2 if line[at : at + 1] == b"\\" else 1
        kept = kept if line[at : at + 1] == b" " else at + step
        at += step
    return line[:kept]


def _regex(glob: bytes) -> bytes:
    out, at = b"", 0
    while at < len(glob):
        char = glob[at : at + 1]
        at += 1
        if char == b"*":
            part, at = _star(glob, at - 1)
        elif char == b"?":
            part = b"[^/]"
        elif char == b"[":
            part, at = _bracket(glob, at)
        elif char == b"\\":
            if at == len(glob):
                raise ValueError("ends in a backslash")
            part, at = re.escape(glob[at : at + 1]), at + 1
        else:
            part = re.escape(char)
        out += part
    return out


def _star(glob: bytes, at: int) -> tuple[bytes, int]:
    """Read one or more asterisks: two of them for a whole part of a path match any number of directories."""
    stars = _STARS.match(glob, at)
    end = stars.end() if stars else at
    rest = glob[end:]
    if end - at < 2 or glob[:at][-1:] not in (b"", b"/") or not (not rest or rest.startswith((b"/", b"\\/"))):
        return b"[^/]*", end
    return (b"(?:.*/)?", end + 1) if rest.startswith(b"/") else (b".*", end)


def _bracket(glob: bytes, at: int) -> tuple[bytes, int]:
    """Read a set such as ``[a-z]`` from behind its ``[``."""
    negated = glob[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    previous, first = -1, True
    while first or glob[at : at + 1] != b"]":
        first = False
        name, after = _class(glob, at)
        if name:
            if name not in _CLASSES:
                raise ValueError("it names a class of characters that there is not")
            members |= _CLASSES[name]
            previous, at = -1, after
            continue
        ranged = glob[at : at + 1] == b"-" and previous >= 0 and glob[at + 1 : at + 2] not in (b"", b"]")
        code, at = _member(glob, at + ranged)
        members |= set(range(previous, code + 1)) if ranged else {code}
        previous = -1 if ranged else code
    codes = (set(range(1, 256)) - members if negated else members) - {ord("/")}
    if not codes:
        raise ValueError("its [ ] matches no character")
    return b"[" + b"".join(b"\\x%02x" % code for code in sorted(codes)) + b"]", at + 1


def _class(glob: bytes, at: int) -> tuple[bytes, int]:
    """Return the name of a class such as ``[:alpha:]`` that stands here, and what follows; "" for none."""
    found = re.compile(rb"\[:([^\]]*):\]", re.DOTALL).match(glob, at)
    return (found.group(1), found.end()) if found else (b"", at)


def _member(glob: bytes, at: int) -> tuple[int, int]:
    """Return one character of a set, and what follows."""
    at += glob[at : at + 1] == b"\\"
    if at >= len(glob):
        raise ValueError("its [ is not closed")
    return glob[at], at + 1
