"""The one reader of configuration files: INI text becomes raw values that know their place.

Python's configparser stops at the first fault and forgets line numbers; here every fault of a file is reported,
with its line. The format is that of configparser without interpolation: ``[section]``, ``key = value``,
indented lines continue a value, ``#`` and ``;`` start a comment line.
"""

import getpass
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from sshsync.errors import ConfigError, ConfigProblem

DEFAULT = "DEFAULT"
GLOBAL = "sshsync"
_PATTERNS = frozenset({"include", "exclude"})
"""Keys whose lines are patterns: there a backslash keeps the space behind it, also at the end of a line."""

_SECTION = re.compile(r"\[(.*)\]$")
_ELSEWHERE = re.compile(r"\$\{env:[^}]*\}")
_OPTION = re.compile(r"([^=:\s][^=:]*?)\s*[=:]\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Value:
    """The text of a value, which may be a secret, and where it stands."""

    text: str = field(repr=False)
    place: str


@dataclass(slots=True)
class Section:
    """One section as written."""

    name: str
    place: str
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class Raw:
    """A file as written, and the faults of its form."""

    file: str
    sections: dict[str, Section] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)


def read(file: Path) -> Raw:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, is no UTF-8 text, or others may change it.
    """
    try:
        content = file.read_bytes()
        found = file.stat()
    except OSError as error:
        hint = "make one with: sshsync config init" if isinstance(error, FileNotFoundError) else ""
        if isinstance(error, PermissionError):
            account = getpass.getuser()
            hint = f"let the account {account} read it: chgrp {account} {file}; chmod 640 {file}"
        raise ConfigError([ConfigProblem(str(file), error.strerror or str(error), hint)]) from error
    raw = parse(content, str(file))
    if found.st_uid not in (0, os.geteuid()):
        raw.problems.append(ConfigProblem(str(file), "belongs to another account", "it must belong to you or root"))
    if stat.S_IMODE(found.st_mode) & 0o022:
        raw.problems.append(ConfigProblem(str(file), "others may change it", f"chmod go-w {file}"))
    if _read_by_others(found):
        raw.problems += [
            ConfigProblem(
                value.place,
                f"[{section.name}] password stands in a file that others may read",
                f"chmod 600 {file}, or use password_file",
            )
            for section in raw.sections.values()
            for key, value in section.values.items()
            if key == "password" and value.text.strip("*") and not _ELSEWHERE.fullmatch(value.text)
        ]
    return raw


def _read_by_others(found: os.stat_result) -> bool:
    """Tell whether somebody can read a file but root, its owner and this account's own group."""
    mode = stat.S_IMODE(found.st_mode)
    own_group = found.st_uid == 0 or found.st_gid == os.getegid()
    return bool(mode & 0o004 or (mode & 0o040 and not own_group))


def parse(content: bytes, file: str) -> Raw:
    """Return what the text says; faults of its form are collected, not raised."""
    raw = Raw(file)
    state = _State(raw)
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        place = f"{file}:{number}"
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raw.problems.append(ConfigProblem(place, "is no UTF-8 text"))
            continue
        state.take(text, place)
    return raw


class _State:
    """Where the reader is in the file."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._section: Section | None = None
        self._key = ""

    def take(self, text: str, place: str) -> None:
        if not text.strip():
            self._key = self._key if text[:1].isspace() else ""
        elif text.lstrip()[0] in "#;":
            return
        elif text[0].isspace() and self._key and self._section:
            before = self._section.values[self._key]
            lines = f"{before.text}\n{_trimmed(self._key, text)}".lstrip("\n")
            self._section.values[self._key] = Value(lines, before.place)
        elif section := _SECTION.match(text.strip()):
            self._open(section.group(1), place)
        elif option := _OPTION.match(text.lstrip()):
            self._set(option.group(1).strip().lower(), option.group(2), place)
        else:
            # The rest of the line may be a secret.
            first = text.split(maxsplit=1)[0]
            self._problem(place, f"is neither a [section] nor a key = value; it begins with {first[:30]!r}")

    def _open(self, name: str, place: str) -> None:
        self._key = ""
        if name in self._raw.sections:
            self._problem(place, f"section [{name}] stands here again; first at {self._raw.sections[name].place}")
            self._section = Section(name, place)
            return
        self._section = self._raw.sections[name] = Section(name, place)

    def _set(self, key: str, text: str, place: str) -> None:
        self._key = ""
        if self._section is None:
            self._problem(place, f"{key} stands before the first [section]")
        elif key in self._section.values:
            self._problem(place, f"{key} is set again; first at {self._section.values[key].place}")
        else:
            self._section.values[key] = Value(_trimmed(key, text), place)
            self._key = key

    def _problem(self, place: str, words: str) -> None:
        self._raw.problems.append(ConfigProblem(place, words))


def _trimmed(key: str, text: str) -> str:
    kept = text.strip()
    more = text.lstrip()[len(kept) :].startswith(" ")
    return f"{kept} " if more and key in _PATTERNS and kept.endswith("\\") else kept
