"""Set-up of structlog: a logger of its own for each run, no global configuration."""

import logging
import logging.handlers
import os
import stat
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from sshsync.errors import StateError

Logger = FilteringBoundLogger
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}


def to_file(file: Path, level: str, form: str = "json") -> FilteringBoundLogger:
    """Return a logger that appends lines to a file; the file may be rotated away at any time.

    Args:
        file: made when it is missing, with its directory; only its owner can read it, whatever the umask.
        level: the least level that is written.
        form: ``json`` for objects, ``logfmt`` for words of key=value.

    Raises:
        StateError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        handler = _Private(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StateError(f"cannot write the log {file}: {error.strerror}", hint="set log_file") from error
    target = logging.Logger("sshsync")
    target.addHandler(handler)
    if form == "logfmt":
        first = ["at", "level", "event", "run", "repository", "item"]
        words = structlog.processors.LogfmtRenderer(key_order=first, drop_missing=True, bool_as_flag=False)
        return _made(target, level, words)
    return _made(target, level, structlog.processors.JSONRenderer(sort_keys=False))


class _Private(logging.handlers.WatchedFileHandler):
    """Appends to a file that only its owner can read: names of files are nobody else's business."""

    def _open(self) -> TextIOWrapper:
        opened = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        found = os.fstat(opened)
        # What is no regular file (a pipe, a device) is shared with others on purpose.
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o077:
            os.fchmod(opened, 0o600)
        return open(opened, "a", encoding=self.encoding, errors=self.errors)


def to_console(level: str, stream: TextIO | None = None, *, journal: bool = False) -> FilteringBoundLogger:
    """Return a logger that writes short lines for people and for cron mails.

    Args:
        level: the least level that is written.
        stream: stderr by default.
        journal: begin each line with its priority, as sd-daemon(3) has it.
    """
    return _made(structlog.PrintLogger(stream or sys.stderr), level, _prioritized if journal else _plain)


def is_journal(stream: TextIO) -> bool:
    """Tell whether a stream leads to systemd's journal (JOURNAL_STREAM in systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _made(target: Any, level: str, renderer: Any) -> FilteringBoundLogger:
    made: FilteringBoundLogger = structlog.wrap_logger(
        target,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=False,
    )
    return made


def _plain(_logger: object, _method: str, event: dict[str, Any]) -> str:
    prefix = f"{event['level']}: " if event["level"] in ("warning", "error") else ""
    return f"{prefix}{event['event']}"


def _prioritized(_logger: object, _method: str, event: dict[str, Any]) -> str:
    return f"<{_PRIORITIES[event['level']]}>{event['event']}"
