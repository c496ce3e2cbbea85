"""What a person sees: live progress on a terminal, plain lines elsewhere, the summary at the end."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from sshsync import logs
from sshsync.cli import board, streams
from sshsync.cli.options import Options
from sshsync.engine.headway import Headway
from sshsync.errors import OutputError
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.model.report import RunReport
from sshsync.report import answers, as_headway, as_json, as_text, lines
from sshsync.report.folding import Folding

_BETWEEN_LINES = 10.0
_A_SECOND = 2.0
"""How often a screen is drawn anew."""
MINUTE = 60.0
"""Seconds between two lines of a run that nobody watches."""
_MOVES = (ev.Progress, ev.Published, ev.Deleted, ev.Adjusted)
_NUMBERS = range(2, 9)
"""Columns of the summary table that hold numbers."""
_LEAST = (9, 4, 8, 5, 2, 7, 3)
"""Its columns in the order in which they are left out where there is no room."""

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from sshsync.api import Result
    from sshsync.config.resolve import Settings


def console(options: Options, stream: TextIO | None = None) -> Console:
    """Return a console that wraps nothing in a log or a mail, between words on a terminal, and respects NO_COLOR."""
    stream = stream or sys.stdout
    made = Console(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=None if options.color else True,
    )
    if not made.is_terminal:
        made.width = 160
        made.soft_wrap = True
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


def remark(options: Options, words: str, *, loud: bool = True) -> None:
    """Print what is good to know beside a command's result; that it cannot be printed is no failure.

    Args:
        options: the shared options.
        words: what is to know.
        loud: people are told, not only programs, which wait for an answer whatever it is.
    """
    if not options.json and (options.quiet or not loud):
        return
    try:
        sys.stdout.write((as_json.answer_line(answers.Remark(words)) if options.json else words) + "\n")
        sys.stdout.flush()
    except OutputError:
        streams.give_up_output()


def summary(options: Options, report: RunReport, *, told: bool = False) -> None:
    """Print the table of a run, what went wrong in it, and what to do next; `told`: what went wrong is known."""
    out = console(options)
    if not (options.quiet and report.exit_code == 0):
        tabulate(out, report)
    wrong = [] if told else as_text.failures(report)
    aside = [*([] if told else as_text.notes(report)), *as_text.omissions(report, examples=options.verbose)]
    for line in [*wrong, *([] if options.quiet else aside)]:
        out.print(line)
    if not (options.quiet and report.exit_code == 0):
        out.print(as_text.headline(report))
    if advice := as_text.advice(report, options.command):
        # A command that goes over the end of a line is still one command for whoever copies it.
        out.print(advice, soft_wrap=True)


def tabulate(out: Console, report: RunReport) -> None:
    """Print the table of a run with as many columns as fit; where not even three do, a line for each row."""
    rows = [(row, board.COLOURS.get(outcome, "red")) for outcome, row in as_text.folded(report)]
    if not fitted(out, as_text.headings(report), rows, _LEAST, _NUMBERS):
        for row, style in rows:
            out.print(f"{row[0]}: {row[1]}", style=style)


def fitted(
    out: Console,
    headings: Sequence[str],
    rows: Sequence[tuple[Sequence[str], str]],
    least: Sequence[int],
    numbers: Container[int],
) -> bool:
    """Print a table with as many of its columns as fit, and tell whether that was possible.

    Args:
        out: where to.
        headings: of all columns.
        rows: cells of all columns, and a style.
        least: columns in the order in which they are left out.
        numbers: columns that stand to the right.
    """
    columns = list(range(len(headings)))
    for left_out in (None, *least):
        columns = [number for number in columns if number != left_out]
        cells = [([row[number] for number in columns], style) for row, style in rows]
        right = [at for at, number in enumerate(columns) if number in numbers]
        made = board.table([headings[number] for number in columns], cells, right)
        if _printed(out, made):
            return True
    return False


def _printed(out: Console, made: Table) -> bool:
    """Print a table where it fits: on a terminal that is wide enough, and in every log."""
    width = board.wanted(out, made)
    if out.is_terminal and width > out.width:
        return False
    out.width = max(out.width, width)
    out.print(made, no_wrap=True)
    return True


def grid(out: Console, headings: Sequence[str], rows: Sequence[tuple[Sequence[str], str]]) -> None:
    """Print rows under headings, each with its style, in cells of several lines; a line a cell where it is narrow."""
    spread = [row for number, row in enumerate(rows) for row in (*_gap(number, row, len(headings)), row)]
    made = board.table(headings, spread)
    if _printed(out, made):
        return
    for number, (row, style) in enumerate(rows):
        if number:
            out.print()
        for heading, cell in zip(headings, row, strict=True):
            out.print(f"{heading}: {cell.replace(chr(10), ', ')}", style=style)


def _gap(number: int, row: tuple[Sequence[str], str], columns: int) -> list[tuple[Sequence[str], str]]:
    """Return an empty row before one that takes several lines."""
    return [([""] * columns, "")] if number and any("\n" in cell for cell in row[0]) else []


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
            parts = board.underway(self._out, as_headway.rows(values), self._out.height - 4)
            self._live.update(Group(first, *parts, as_headway.total(values)), refresh=True)
        elif now >= self._next:
            self._next = now + _BETWEEN_LINES
            for line in (first, *as_headway.lines(values)):
                self._out.print(line)
            self._out.file.flush()


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
        monotonic: a clock that nobody sets.
    """

    def __init__(
        self, log: "FilteringBoundLogger", *, brief: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._brief = brief
        self._monotonic = monotonic
        self._headway = Headway("", time.time, monotonic, lambda _values: None)
        self._next = monotonic() + MINUTE
        self._folding = Folding()

    def __call__(self, event: ev.Event) -> None:
        """Write the event when it is worth a line; while something moves, also how far the run is, once a minute."""
        self._headway(event)
        if isinstance(event, _MOVES) and self._monotonic() >= self._next:
            self._next = self._monotonic() + MINUTE
            self._log.info(as_headway.minute(self._headway.values()))
        left = _left_to_summary(event) if self._brief else event
        if left is not None:
            self._write(self._folding.take(left, self._monotonic()))
            for detail in lines.items(left):
                self._log.debug(detail)

    def _write(self, told: Iterable[tuple[int, str]]) -> None:
        for loud, words in told:
            self._log.log(loud, words)

    def close(self) -> None:
        """Write what waits for more like it."""
        self._write(self._folding.rest())


class Bars:
    """Who has ended, who is at work, and the whole, in place on a terminal."""

    def __init__(self, options: Options) -> None:
        self._console = console(options, sys.stderr)
        self._verbose = options.verbose
        meanwhile = (ev.Retried, ev.Waiting, ev.PlannedChange)
        self._lines = meanwhile if _one_screen() else (*meanwhile, ev.Remarked, ev.ItemFailed)
        self._headway = Headway("", time.time, time.monotonic, lambda _values: None)
        self._ended: dict[Outcome, list[str]] = {}
        self._live = Live(
            get_renderable=self._board, console=self._console, transient=True, refresh_per_second=_A_SECOND
        )
        self._live.start()

    def __call__(self, event: ev.Event) -> None:
        """Show the event."""
        self._headway(event)
        if isinstance(event, ev.RepositoryFinished):
            self._ended = {**self._ended, event.outcome: [*self._ended.get(event.outcome, ()), event.repository]}
        elif isinstance(event, ev.RunStarted) and event.dry_run:
            self._lines = (*self._lines, ev.Decided)
        if isinstance(event, self._lines) and (line := lines.line(event)):
            self._console.print(line)
        if self._verbose:
            for detail in lines.items(event):
                self._console.print(detail)

    def close(self) -> None:
        """Remove the board; the summary takes its place."""
        self._live.stop()

    def _board(self) -> Group:
        return board.board(self._console, self._headway.values(), self._ended)


class Json:
    """One JSON object a line on stdout; warnings and errors in words on stderr."""

    def __init__(self, warnings: Lines) -> None:
        self._warnings = warnings

    def __call__(self, event: ev.Event) -> None:
        """Print the event."""
        if line := as_json.event_line(event):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        self._warnings(event)

    def close(self) -> None:
        """Write what waits."""
        self._warnings.close()


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
