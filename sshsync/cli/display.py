"""What a person sees: live progress on a terminal, plain lines elsewhere, the summary at the end."""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
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

from sshsync import logs
from sshsync.cli import streams
from sshsync.cli.options import Options
from sshsync.errors import OutputError
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.model.report import RunReport
from sshsync.report import as_headway, as_json, as_text, lines

_ANY_WIDTH = 10_000
_BETWEEN_LINES = 10.0

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from sshsync.api import Result
    from sshsync.config.resolve import Settings

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


def result(options: Options, ended: "Result") -> None:
    """Print how a run ended, and who could not be told of it.

    Where that cannot be printed, the run has still ended as it has: its exit code, the log and `report` tell it.
    """
    for option, reason in ended.untold.items():
        sys.stderr.write(f"sshsync: warning: {option}: {reason}\n")
    try:
        if options.json:
            sys.stdout.write(as_json.summary_line(ended.report) + "\n")
        else:
            # In the journal the lines of a run say all of it, each with its priority.
            told = logs.is_journal(sys.stderr) and _one_screen() and not options.quiet
            summary(options, ended.report, told=told)
        sys.stdout.flush()
    except OutputError as error:
        streams.give_up_output()
        if error.code:
            sys.stderr.write(f"sshsync: warning: {error.what}; how the run ended: {options.command} report\n")


def remark(options: Options, words: str) -> None:
    """Print what is good to know beside a command's result; that it cannot be printed is no failure."""
    if options.quiet or options.json:
        return
    try:
        sys.stdout.write(words + "\n")
        sys.stdout.flush()
    except OutputError:
        streams.give_up_output()


def summary(options: Options, report: RunReport, *, told: bool = False) -> None:
    """Print the table of a run, what went wrong in it, and what to do next; `told`: what went wrong is known."""
    out = console(options)
    if not (options.quiet and report.exit_code == 0):
        whole = table(report, wide=True)
        _whole(out, whole if _wanted(out, whole) <= out.width else table(report, wide=False))
    wrong = [] if told else as_text.failures(report)
    aside = [*([] if told else as_text.notes(report)), *as_text.omissions(report, examples=options.verbose)]
    for line in [*wrong, *([] if options.quiet else aside)]:
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


def grid(out: Console, headings: Sequence[str], rows: Sequence[tuple[Sequence[str], str]]) -> None:
    """Print rows under headings, each with its style, in cells of several lines; no word is ever cut."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, no_wrap=True)
    for number, (row, style) in enumerate(rows):
        if number and any("\n" in cell for cell in row):
            made.add_row()
        made.add_row(*row, style=style)
    _whole(out, made)


def _whole(out: Console, made: Table) -> None:
    """Print a table that cuts no word, however narrow the terminal: Rich never prints wider than its console."""
    before = out.width
    out.width = max(before, _wanted(out, made))
    out.print(made, no_wrap=True, crop=False)
    out.width = before


def _wanted(out: Console, made: Table) -> int:
    return out.measure(made, options=out.options.update(max_width=_ANY_WIDTH)).maximum


class Following:
    """Shows how far a run of another process is: on a terminal in place, elsewhere a line now and then.

    Use as a context manager.
    """

    def __init__(self, options: Options) -> None:
        self._out = console(options)
        self._live = Live(console=self._out, transient=True, auto_refresh=False) if self._out.is_terminal else None
        self._next = float("-inf")

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, values: Mapping[str, Any], now: float) -> None:
        """Show what the run said last; `now` is the controller's time in seconds since the epoch."""
        first = as_headway.headline(values, now)
        if self._live:
            self._live.update(Group(first, *self._parts(as_headway.rows(values))), refresh=True)
        elif now >= self._next:
            self._next = now + _BETWEEN_LINES
            for line in (first, *as_headway.lines(values)):
                self._out.print(line)
            self._out.file.flush()

    def _parts(self, rows: Sequence[Sequence[str]]) -> list[Table | str]:
        """Return as many rows as there is room for below the first line, with as many of their cells."""
        room = max(1, self._out.height - 3)
        left = [f"and {len(rows) - room} more"] if len(rows) > room else []
        for cells in range(max(map(len, rows), default=0), 1, -1):
            made = Table.grid(padding=(0, 2))
            for number in range(cells):
                made.add_column(no_wrap=True, justify="left" if number < 1 else "right")
            for row in rows[:room]:
                made.add_row(*row[:cells])
            if (
                self._out.measure(made, options=self._out.options.update(max_width=_ANY_WIDTH)).maximum
                <= self._out.width
            ):
                return [made, *left]
        return [*(": ".join(row[:2]) for row in rows[:room]), *left]


def _one_screen() -> bool:
    """Tell whether both outputs end up in one place: a terminal, a file, the mail of cron, the journal."""
    try:
        out, err = os.fstat(sys.stdout.fileno()), os.fstat(sys.stderr.fileno())
    except OSError:
        return False
    return (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino)


def _left_to_summary(event: ev.Event) -> ev.Event | None:
    """Return what of an event the summary of a run does not tell, if anything."""
    if isinstance(event, ev.ItemFailed | ev.Remarked | ev.Unfit):
        return None
    return replace(event, error="") if isinstance(event, ev.RepositoryFinished) else event


class Lines:
    """One plain line for each thing that matters, written by a console log: for cron, logs and pipes.

    Args:
        log: takes the lines.
        brief: leave out what the summary tells.
    """

    def __init__(self, log: "FilteringBoundLogger", *, brief: bool = False) -> None:
        self._log = log
        self._brief = brief

    def __call__(self, event: ev.Event) -> None:
        """Write the event when it is worth a line."""
        left = _left_to_summary(event) if self._brief else event
        if left is not None:
            self._write(left)

    def _write(self, event: ev.Event) -> None:
        if words := lines.line(event):
            self._log.log(lines.level(event), words)
        for detail in lines.items(event):
            self._log.debug(detail)

    def close(self) -> None:
        """Nothing to close."""


class Bars:
    """A progress bar for each repository: items, bytes, rate and time left."""

    def __init__(self, options: Options) -> None:
        self._console = console(options, sys.stderr)
        self._verbose = options.verbose
        meanwhile = (ev.Retried, ev.Waiting, ev.PlannedChange)
        self._lines = meanwhile if _one_screen() else (*meanwhile, ev.Remarked, ev.ItemFailed)
        self._progress = Progress(
            TextColumn("{task.description}"),
            TextColumn("{task.fields[items]}", justify="right"),
            BarColumn(24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._progress.start()

    def __call__(self, event: ev.Event) -> None:
        """Show the event."""
        if isinstance(event, ev.RepositoryStarted):
            self._tasks[event.repository] = self._progress.add_task(
                event.repository, items="", state="scanning", total=None
            )
        elif isinstance(event, ev.Planned):
            self._counts[event.repository] = (event.done, event.copy + event.replace)
            self._update(event.repository, total=event.bytes, state="transfer" if event.bytes else "")
        elif isinstance(event, ev.Progress):
            self._update(event.repository, advance=event.bytes)
        elif isinstance(event, ev.Published):
            done, total = self._counts.get(event.repository, (0, 0))
            self._counts[event.repository] = (done + len(event.items), total)
            self._update(event.repository, items=f"{done + len(event.items)}/{total}")
        elif isinstance(event, ev.RepositoryFinished):
            self._update(event.repository, state=event.outcome)
        if isinstance(event, self._lines) and (line := lines.line(event)):
            self._console.print(line)
        if self._verbose:
            for detail in lines.items(event):
                self._console.print(detail)

    def close(self) -> None:
        """Remove the bars; the summary takes their place."""
        self._progress.stop()

    def _update(self, repository: str, **values: object) -> None:
        if repository in self._tasks:
            self._progress.update(self._tasks[repository], **values)  # type: ignore[arg-type]


class Json:
    """One JSON object a line on stdout; warnings and errors in words on stderr."""

    def __init__(self, warnings: Lines) -> None:
        self._warnings = warnings

    def __call__(self, event: ev.Event) -> None:
        """Print the event."""
        if not isinstance(event, ev.Progress) and (line := as_json.event_line(event)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        self._warnings(event)

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
            except (OSError, OutputError):
                self._gone = True

    def close(self) -> None:
        """Close the display."""
        with contextlib.suppress(OSError, OutputError):
            self._shown.close()


class EachRun:
    """A display of its own for each of several runs."""

    def __init__(self, options: Options, settings: "Settings") -> None:
        self._options = options
        self._settings = settings
        self._shown: Forgiving | None = None

    def __call__(self, event: ev.Event) -> None:
        """Show the event."""
        if isinstance(event, ev.RunStarted):
            self._shown = live(self._options, self._settings)
        if shown := self._shown:
            shown(event)
        if isinstance(event, ev.RunFinished):
            self.close()

    def close(self) -> None:
        """Close the display of a run that did not end."""
        if self._shown:
            self._shown.close()
        self._shown = None


def plain(settings: "Settings") -> "FilteringBoundLogger":
    """Return what writes single lines on stderr, as loud as the configuration wants it there."""
    journal = logs.is_journal(sys.stderr)
    return logs.to_console(settings.journald_level if journal else settings.console_level, journal=journal)


def live(options: Options, settings: "Settings") -> Forgiving:
    """Return the display that fits the options, the terminal or the journal."""
    journal = logs.is_journal(sys.stderr)
    level = settings.journald_level if journal else settings.console_level
    if options.quiet:
        return Forgiving(Json(Lines(logs.to_console("error", journal=journal))) if options.json else Silent())
    if options.json:
        return Forgiving(Json(Lines(logs.to_console("error" if level == "error" else "warning", journal=journal))))
    if sys.stderr.isatty():
        return Forgiving(Bars(options))
    log = logs.to_console("debug" if options.verbose else level, journal=journal)
    return Forgiving(Lines(log, brief=_one_screen() and not journal))
