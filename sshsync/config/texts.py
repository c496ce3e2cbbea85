"""What the text of a value may be made of. Each raises a `ValueError` with what it has to be instead."""

import re
from email.utils import getaddresses

MOST_TEMPLATE = 8192
"""Bytes of a command line that an operator gives."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKLY = re.compile(r"([A-Za-z]+)\s+([01]?\d|2[0-3]):([0-5]\d)")
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def word(value: str) -> str:
    """A host, a user: one word that no program could take for an option."""
    if value.startswith("-"):
        raise ValueError("must not start with '-'")
    if _CONTROL.search(value) or " " in value:
        raise ValueError("must not hold spaces or control characters")
    return value


def template(value: str) -> str:
    """A command line ends at 128 KiB on Linux, and every byte of a template may need five in it."""
    if len(value.encode()) > MOST_TEMPLATE:
        raise ValueError(f"must not be longer than {MOST_TEMPLATE} bytes: put it into a script on the host")
    return text(value)


def text(value: str) -> str:
    """Refuse what no line of a configuration should hold; lines may follow each other."""
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value):
        raise ValueError("must not hold control characters")
    return value


def absolute(value: str) -> str:
    """Return a path as short as it can be written; it leads from the top, to something below it."""
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    if not value.startswith("/"):
        raise ValueError("must be an absolute path")
    if len(value.encode()) > 4096:
        raise ValueError("is longer than any path")
    if any(part in (".", "..") for part in value.split("/")):
        raise ValueError("must not hold '.' or '..'")
    if not value.strip("/"):
        raise ValueError("must not be the whole host")
    return "/" + "/".join(part for part in value.split("/") if part)


def seconds(value: str) -> float:
    """Return a span of time in seconds."""
    found = _DURATION.fullmatch(value.strip())
    if not found:
        raise ValueError("must be a time such as 90, 90s, 5m or 1h")
    return float(found.group(1)) * _SECONDS[found.group(2)]


def weekly(value: str) -> tuple[int, int, int]:
    """Return day (0 for Monday), hour and minute."""
    found = _WEEKLY.fullmatch(value.strip())
    day = found.group(1).lower() if found else ""
    named = [name for name in DAYS if day in (name, name[:3])]
    if not found or not named:
        raise ValueError("must be a day and a time such as Mon 07:00")
    return DAYS.index(named[0]), int(found.group(2)), int(found.group(3))


def addresses(value: str) -> str:
    """Take addresses of mail, with names before them if need be, separated by commas."""
    found = getaddresses([text(value)])
    if value and not all(_ADDRESS.fullmatch(address) for _, address in found):
        raise ValueError("must be addresses such as ops@example.org, with commas between them")
    return value


def shell(value: str) -> str:
    """Take the path of a shell, which no login shell could misread."""
    if not re.fullmatch(r"/[A-Za-z0-9_./+-]+", value):
        raise ValueError("must be the absolute path of a POSIX shell")
    return value


def no_stars(value: str) -> str:
    """Take a value of stars only for none."""
    return "" if not value.strip("*") else value


def url(value: str) -> str:
    """Take an address without a secret in it that logs would show."""
    if value and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
        raise ValueError("must be an address that begins with http:// or https://, without a login in it")
    return value
