"""Arguments and names on their way to a host.

One encoding serves all: bytes that any login shell could misread are written as ``\\0ooo`` (octal), which
``printf %b`` of every POSIX shell decodes (POSIX.1, printf, "%b"). Command lines that leave this module are
the only ones that sshsync ever builds.
"""

import re
from collections.abc import Iterable, Mapping

_ODD_NAME = re.compile(rb"[^A-Za-z0-9_./+,:@= %~#^()\[\]{}&;<>|*?$\"`-]")
"""What is encoded in a name on stdin: there only ``read -r`` and ``printf %b`` see it, but control bytes,
non-ASCII, the backslash and the quote are kept off every locale's and every tool's way."""

_ODD_ARGUMENT = re.compile(rb"[^\x20\x22-\x26\x28-\x5b\x5d-\x7e]")
"""What is encoded in a single-quoted argument: ``'``, ``\\``, ``!`` (csh history), controls, non-ASCII."""


def _octal(match: re.Match[bytes]) -> bytes:
    return b"".join(b"\\0%03o" % byte for byte in match.group())


def name(key: bytes) -> bytes:
    """Return a name as one line for a script's stdin (without the line feed)."""
    return _ODD_NAME.sub(_octal, key)


def lines(keys: Iterable[bytes]) -> bytes:
    """Return names for a script's stdin, one a line."""
    return b"".join(name(key) + b"\n" for key in keys)


def whole(keys: Iterable[bytes]) -> bytes:
    """Return names for a host's ``xargs -0``: as they are, each behind ``./`` so that none is an option."""
    return b"".join(b"./" + key + b"\0" for key in keys)


def argument(value: bytes) -> bytes:
    """Return one word that reads the same in sh, csh and fish: single-quoted, odd bytes in octal."""
    return b"'" + _ODD_ARGUMENT.sub(_octal, value) + b"'"


BOOT = b's=$1; shift; eval "$(printf %b "$s")"'
"""The constant program that every command line starts: it decodes the script and runs it."""


def command_line(shell: str, script: str, variables: Mapping[str, bytes]) -> bytes:
    """Return the command line for a login shell of any kind.

    Args:
        shell: path of the POSIX shell on the host (validated by the configuration).
        script: the text of a constant script.
        variables: values that the script reads by name.
    """
    words = [shell.encode(), b"-c", b"'" + BOOT + b"'", b"sshsync", argument(script.encode())]
    words += [argument(key.encode() + b"=" + value) for key, value in variables.items()]
    return b" ".join(words)


def argv(shell: str, script: str, variables: Mapping[str, bytes]) -> list[bytes]:
    """Return the same command for an exec without a login shell."""
    words = [key.encode() + b"=" + value for key, value in variables.items()]
    encoded = [_ODD_ARGUMENT.sub(_octal, word) for word in [script.encode(), *words]]
    return [shell.encode(), b"-c", BOOT, b"sshsync", *encoded]
