"""The text of a value becomes a value. What is no text is taken as it is; a text that is none is a `ValueError`."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from sshsync.config import texts
from sshsync.kinds import globs
from sshsync.model.policy import Auto, Compress, Links, MaxDelete, Mode

MAX_DELETE = MaxDelete(count=1000, percent=25.0)
"""What `max_delete` is where it is not set, and the half of it that a value does not name."""

AUTO = Auto()
"""What `streams` is where it is not set."""


def seconds(value: object) -> object:
    """A span of time, in seconds."""
    return texts.seconds(value) if isinstance(value, str) else value


def links(value: object) -> object:
    """What becomes of symbolic links."""
    if value not in tuple(Links):
        raise ValueError(f"must be one of {', '.join(Links)}")
    return value


LEAST_SHARE = 0.1
"""Percent: with less, nobody would see the day on which all is read."""


def compress(value: object) -> object:
    """Whether bytes are compressed."""
    if value not in tuple(Compress):
        raise ValueError(f"must be one of {', '.join(Compress)}")
    return value


def share(value: object) -> object:
    """A percentage."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%?", value.strip())
    percent = float(found.group(1)) if found else -1.0
    if not (percent == 0 or LEAST_SHARE <= percent <= 100):
        raise ValueError(f"must be a percentage from {LEAST_SHARE} to 100 such as 2%, or 0 for none")
    return percent


def streams(value: object) -> object:
    """How many streams, or `AUTO`."""
    if not isinstance(value, str):
        return value
    if value == str(AUTO):
        return AUTO
    if not re.fullmatch("[1-8]", value):
        raise ValueError("must be a number from 1 to 8, or auto")
    return int(value)


def mode(value: object) -> object:
    """Permissions in octal; empty for none."""
    if not isinstance(value, str) or not value:
        return value or None
    if re.fullmatch("[0-7]?[1-7][0-7]{3}", value.strip()):
        raise ValueError("setuid, setgid and the sticky bit are never set: three digits in octal such as 0640")
    if not re.fullmatch("0?[0-7]{3}", value.strip()):
        raise ValueError("must be permissions in octal such as 0640")
    found = Mode(value, 8)
    if not found & 0o400:
        raise ValueError("its own account has to read a file: that is how it is verified; such as 0640")
    return found


def group(value: str) -> str:
    """A group on a host, as chgrp and find take it: by its name or its number."""
    if value and not re.fullmatch(r"[^\s:/+-][^\x00-\x1f\x7f:/]*", value):
        raise ValueError("must be the name of a group such as app")
    return value


def max_delete(value: object) -> object:
    """How many deletions; the half that is not named is that of `MAX_DELETE`."""
    if not isinstance(value, str):
        return value
    count, percent = MAX_DELETE.count, MAX_DELETE.percent
    for part in value.split(","):
        word = part.strip()
        if re.fullmatch(r"\d+(\.\d+)?\s*%", word):
            percent = float(word.rstrip("% "))
        elif word.isdigit():
            count = int(word)
        else:
            raise ValueError("must be a number, a percentage or both, such as 1000, 25%")
    return MaxDelete(count, percent)


def lines(value: object) -> object:
    """Patterns, one a line."""
    if not isinstance(value, str):
        return value
    patterns = tuple(line.lstrip() for line in value.splitlines() if line.strip())
    wrong = globs.faults(patterns)
    if wrong:
        raise ValueError("; ".join(wrong))
    return patterns


def each(value: object) -> object:
    """Words, one a line."""
    if not isinstance(value, str):
        return value
    return tuple(line.strip() for line in value.splitlines() if line.strip())


def names(value: object) -> object:
    """Names of groups."""
    if not isinstance(value, str):
        return value
    groups = tuple(name for name in re.split(r"[,\s]+", value) if name)
    if wrong := [name for name in groups if not re.fullmatch(r"[A-Za-z0-9_.-]+", name)]:
        raise ValueError(f"{wrong[0]!r} is no name for a group")
    return groups


def weekly(value: object) -> object:
    """A day of the week and a time."""
    return texts.weekly(value) if isinstance(value, str) else value


Weekly = Annotated[tuple[int, int, int] | None, BeforeValidator(weekly)]
Addresses = Annotated[str, AfterValidator(texts.addresses)]
Url = Annotated[str, AfterValidator(texts.url)]
OwnFile = Annotated[str, AfterValidator(texts.absolute)]
Word = Annotated[str, AfterValidator(texts.word)]
Text = Annotated[str, AfterValidator(texts.text)]
Template = Annotated[str, AfterValidator(texts.template)]
Path = Annotated[str, AfterValidator(texts.absolute)]
Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0)]
Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Patterns = Annotated[tuple[Annotated[str, StringConstraints(strip_whitespace=False)], ...], BeforeValidator(lines)]
