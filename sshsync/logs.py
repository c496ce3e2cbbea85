"""Set-up of structlog: a logger of its own for each run, no global configuration."""

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from sshsync.errors import StateError

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def to_file(file: Path, level: str) -> FilteringBoundLogger:
    """Return a logger that appends JSON lines to a file; the file may be rotated away at any time.

    Raises:
        StateError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
    except OSError as error:
        raise StateError(f"cannot write the log {file}: {error.strerror}", hint="set log_file") from error
    target = logging.Logger("sshsync")
    target.addHandler(handler)
    renderer = structlog.processors.JSONRenderer(sort_keys=False)
    return _made(target, level, renderer)


def to_console(level: str, stream: TextIO | None = None) -> FilteringBoundLogger:
    """Return a logger that writes short lines for people and for cron mails."""
    return _made(structlog.PrintLogger(stream or sys.stderr), level, _plain)


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
