"""Standard input, output and error output: safe to use where they are closed or full, or where nobody reads them."""

import io
import os
import sys
from typing import Any

from sshsync.errors import OutputError, ReaderGoneError


def repair() -> None:
    """Give the process three standard streams; it has to be the first thing that it does.

    A descriptor that is missing would be the number of the next file or connection that is opened, and what is meant
    for people would be written into that. A missing output refuses to be written to, as a closed one does; a missing
    error output takes everything, since what a command did is told by its exit code and by the log as well.

    From now on writing to stdout raises `OutputError` where it fails, and writing to stderr never fails.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it stays open as long as the process lives
    sys.stdout = _text(_Output(1, "wb", closefd=False), sys.stdout)
    sys.stderr = _text(_Errors(2, "wb", closefd=False), sys.stderr, at_once=True)


def give_up_output() -> None:
    """Let everything that is written to stdout, and what waits to be, go nowhere: it cannot be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


class _Output(io.FileIO):
    """stdout: what cannot be written there is an error with a name."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ReaderGoneError("nobody reads what is printed any more") from error
        except OSError as error:
            raise OutputError(f"cannot write to stdout: {error.strerror}", hint="nothing else has failed") from error


class _Errors(io.FileIO):
    """stderr: what cannot be written there is lost, and nothing else is."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _text(raw: io.FileIO, before: Any, *, at_once: bool = False) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = at_once or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=lines)
