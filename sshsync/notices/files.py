"""Files for collectors: Prometheus' textfile format and JSON, each replaced as a whole."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sshsync.model.report import RunReport
from sshsync.report import as_json, as_metrics

Render = Callable[[RunReport, Mapping[str, float]], str]


class Written:
    """See `Notice`: writes a file when a run ends.

    Args:
        name: the configuration's key.
        file: what is replaced, by a rename in its directory; readable for all, as collectors run as others.
        render: makes its content.
    """

    def __init__(self, name: str, file: Path, render: Render) -> None:
        self.name = name
        self._file = file
        self._render = render

    def begin(self, run: str) -> None:
        """Nothing: the file tells of runs that ended."""

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """Replace the file."""
        replaced(self._file, self._render(report, in_sync))

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`: the file tells of the last real run."""
        del report
        return untouched(self._file.parent, self._file)


def untouched(directory: Path, place: Path) -> str:
    """Return in words that a place stays as it is although it could be written.

    Raises:
        OSError: nothing can be written to the directory.
    """
    try:
        with tempfile.TemporaryFile(dir=directory):
            return f"not touched: {place} can be written"
    except OSError as error:
        raise OSError(f"{place} cannot be written: {error.strerror}") from error


def replaced(file: Path, content: str) -> None:
    """Replace a file as a whole, by a rename in its directory; others may read it.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(content)
            out.flush()
            os.fchmod(out.fileno(), 0o644)
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def metrics(file: Path) -> Written:
    """Return the notice of `metrics_file`."""
    return Written("metrics_file", file, as_metrics.text)


def status(file: Path) -> Written:
    """Return the notice of `status_file`."""

    def render(report: RunReport, in_sync: Mapping[str, float]) -> str:
        return json.dumps({**as_json.summary(report), "type": "status", "in_sync": dict(in_sync)}, indent=1) + "\n"

    return Written("status_file", file, render)
