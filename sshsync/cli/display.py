"""What a person sees: live progress on a terminal, plain lines elsewhere, the summary at the end."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from sshsync.cli.options import Options
from sshsync.model import events as ev
from sshsync.model.events import GOOD, Outcome
from sshsync.model.report import RunReport
from sshsync.report import as_text, words

WIDE = 108
"""Columns that the whole summary table wants."""

_COLOURS = {
    Outcome.DONE: "green",
    Outcome.UNCHANGED: "green",
    Outcome.DEFERRED: "yellow",
    Outcome.PARTIAL: "yellow",
    Outcome.SKIPPED: "dim",
}


def console(options: Options, stream: TextIO | None = None) -> Console:
    """Return a console that never wraps names in a log or a mail and that respects NO_COLOR."""
    stream = stream or sys.stdout
    made = Console(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=None if options.color else True,
        soft_wrap=True,
    )
    if not made.is_terminal:
        made.width = 160
    return made


def summary(options: Options, report: RunReport) -> None:
    """Print the table of a run, what went wrong in it, and what to do next."""
    out = console(options)
    if not (options.quiet and report.exit_code == 0):
        out.print(table(report, wide=out.width >= WIDE), no_wrap=True, crop=False, width=max(out.width, WIDE))
    for line in as_text.details(report):
        quiet = ": note: " in line and options.quiet
        if not quiet:
            out.print(line)
    if not (options.quiet and report.exit_code == 0):
        out.print(as_text.headline(report))
    if advice := as_text.advice(report, options.command):
        out.print(advice)


def table(report: RunReport, *, wide: bool) -> Table:
    """Return the summary table; a narrow one leaves out the last column, and never cuts a word."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    headings = as_text.headings(report) if wide else as_text.headings(report)[:-1]
    for heading in headings:
        right = heading not in ("repository", "outcome", "in sync as of")
        made.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for job, row in zip(report.jobs, as_text.rows(report), strict=True):
        made.add_row(*row[: len(headings)], style=_COLOURS.get(job.outcome, "red"))
    return made


class Lines:
    """One plain line for each thing that matters: for cron, logs and pipes."""

    def __init__(self, options: Options) -> None:
        self._out = console(options, sys.stderr)
        self._verbose = options.verbose

    def __call__(self, event: ev.Event) -> None:
        """Print the event when it is worth a line."""
        line = _line(event)
        if line:
            self._out.print(line)
        if self._verbose:
            for detail in _file_lines(event):
                self._out.print(detail)

    def close(self) -> None:
        """Nothing to close."""


class Bars:
    """A progress bar for each repository: files, bytes, rate and time left."""

    def __init__(self, options: Options) -> None:
        self._console = console(options, sys.stderr)
        self._verbose = options.verbose
        self._progress = Progress(
            TextColumn("{task.description}"),
            TextColumn("{task.fields[files]}", justify="right"),
            BarColumn(24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._files: dict[str, tuple[int, int]] = {}
        self._progress.start()

    def __call__(self, event: ev.Event) -> None:
        """Show the event."""
        if isinstance(event, ev.RepositoryStarted):
            self._tasks[event.repository] = self._progress.add_task(
                event.repository, files="", state="scanning", total=None
            )
        elif isinstance(event, ev.Planned):
            self._files[event.repository] = (0, event.copy + event.replace)
            self._update(event.repository, total=event.bytes, state="transfer" if event.bytes else "")
        elif isinstance(event, ev.Progress):
            self._update(event.repository, advance=event.bytes)
        elif isinstance(event, ev.Published):
            done, total = self._files.get(event.repository, (0, 0))
            self._files[event.repository] = (done + len(event.items), total)
            self._update(event.repository, files=f"{done + len(event.items)}/{total}")
        elif isinstance(event, ev.RepositoryFinished):
            self._update(event.repository, state=event.outcome)
        if isinstance(event, ev.Retried | ev.Waiting | ev.Notice | ev.ItemFailed) and (line := _line(event)):
            self._console.print(line)
        if self._verbose:
            for detail in _file_lines(event):
                self._console.print(detail)

    def close(self) -> None:
        """Remove the bars; the summary takes their place."""
        self._progress.stop()

    def _update(self, repository: str, **values: object) -> None:
        if repository in self._tasks:
            self._progress.update(self._tasks[repository], **values)  # type: ignore[arg-type]


class Json:
    """One JSON object a line on stdout."""

    def __call__(self, event: ev.Event) -> None:
        """Print the event."""
        from sshsync.report import as_json

        if not isinstance(event, ev.Progress) and (line := as_json.event_line(event)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def close(self) -> None:
        """Nothing to close."""


class Silent:
    """Shows nothing while the run goes on."""

    def __call__(self, event: ev.Event) -> None:
        """Pass over the event."""

    def close(self) -> None:
        """Nothing to close."""


class Forgiving:
    """Shows events as long as somebody looks: a reader who went away never ends a run."""

    def __init__(self, shown: Lines | Bars | Json | Silent) -> None:
        self._shown = shown
        self._gone = False

    def __call__(self, event: ev.Event) -> None:
        """Show the event."""
        if not self._gone:
            try:
                self._shown(event)
            except OSError:
                self._gone = True

    def close(self) -> None:
        """Close the display."""
        with contextlib.suppress(OSError):
            self._shown.close()


def live(options: Options) -> Forgiving:
    """Return the display that fits the options and the terminal."""
    if options.json:
        return Forgiving(Json())
    if options.quiet:
        return Forgiving(Silent())
    return Forgiving(Bars(options) if sys.stderr.isatty() else Lines(options))


def _line(event: ev.Event) -> str:
    """Return the event as one line, "" when it is not worth one."""
    wording = _WORDING.get(type(event))
    return wording(event) if wording else ""


def _run_line(event: ev.RunStarted) -> str:
    stages = "  then  ".join(", ".join(stage) for stage in event.stages)
    verb = "continued" if event.continued else "started"
    return f"run {event.run} {verb}{' (dry run)' if event.dry_run else ''}: {stages}"


def _planned_line(event: ev.Planned) -> str:
    counts = {"copy": event.copy, "replace": event.replace, "adjust": event.adjust, "delete": event.delete}
    todo = ", ".join(f"{count} to {what}" for what, count in counts.items() if count) or "nothing to do"
    moving = f" ({words.size(event.bytes)})" if event.bytes else ""
    return f"{event.repository}: {todo}{moving}, {event.unchanged} unchanged"


def _finished_line(event: ev.RepositoryFinished) -> str:
    reason = f": {event.error}" if event.error and event.outcome not in GOOD else ""
    return f"{event.repository}: {event.outcome} in {words.duration(event.seconds)}{reason}"


_WORDING: dict[type, Callable[[Any], str]] = {
    ev.RunStarted: _run_line,
    ev.Planned: _planned_line,
    ev.RepositoryFinished: _finished_line,
    ev.Retried: lambda e: f"{e.repository}: {e.step}: try {e.attempt} failed, next in {e.wait:g} s: {e.reason}",
    ev.Waiting: lambda e: f"{e.repository}: waiting {e.seconds:g} s: {e.reason}",
    ev.Notice: lambda e: f"{e.repository}: note: {e.text}",
    ev.ItemFailed: lambda e: f"{e.repository}: {words.item(e.name)}: {e.outcome}: {e.reason}",
    ev.Change: lambda e: f"{e.repository}: would {e.kind} {words.item(e.name)} ({words.size(e.bytes)})",
}


def _file_lines(event: ev.Event) -> list[str]:
    if isinstance(event, ev.Published):
        return [
            f"{event.repository}: published {words.item(name)} ({words.size(size)})" for name, _, size in event.items
        ]
    if isinstance(event, ev.Deleted):
        return [f"{event.repository}: deleted {words.item(name)}" for name in event.names]
    if isinstance(event, ev.Adjusted):
        return [f"{event.repository}: mode and time set: {words.item(name)}" for name in event.names]
    return []
