"""What a person sees of a run: on terminals of any width, and in a log while nobody watches."""

import io
import re

import pytest
from rich.console import Console

from sshsync.cli import board, display
from sshsync.core import fold
from sshsync.engine.headway import Headway
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.model.report import RunReport
from sshsync.report import as_headway, as_text, words

SIZE = 65_000_000
REASON = "cannot connect: Connection refused while greeting the host at 10.0.0.3"


class Screen:
    """A terminal of 24 lines; `lines` are what stands on it."""

    def __init__(self, columns: int) -> None:
        self._said = io.StringIO()
        self.console = Console(file=self._said, force_terminal=True, width=columns, height=24, highlight=False, markup=False, color_system="standard")

    @property
    def raw(self) -> str:
        return self._said.getvalue()

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", self.raw).splitlines()]


def nodes(number: int) -> list[str]:
    return [f"appnode{count}" for count in range(1, number + 1)]


def headway_of(names: list[str], moved: int, clock: list[float]) -> Headway:
    made = Headway("run", lambda: clock[0], lambda: clock[0], lambda _: None)
    made(ev.RunStarted("run", clock[0], [names]))
    for name in names:
        made(ev.RepositoryStarted(name, "proxy"))
        made(ev.Planned(name, 12, 3, 0, 0, 1185, SIZE))
    clock[0] += 10
    for name in names:
        made(ev.Progress(name, moved))
    return made


def ended(names: list[str], bad: str = "") -> RunReport:
    events: list[ev.Event] = [ev.RunStarted("run", 100.0, [["proxy"], names])]
    for number, name in enumerate(["proxy", *names]):
        events += [ev.RepositoryStarted(name, "proxy" if number else "master"), ev.Planned(name, 15, 0, 0, 0, 1185, SIZE)]
        events += [ev.Published(name, [("f", "sha256:00", 5)] * 15, SIZE)]
        error = REASON if name == bad else ""
        events += [ev.RepositoryFinished(name, Outcome.FAILED if error else Outcome.DONE, 2.0 + number % 7, 1200, 1.7e9 + number, error, 6 if error else 0)]
    return fold.fold([*events, ev.RunFinished("run", 400.0, Outcome.PARTIAL, 7)])


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("number", [1, 20, 1000])
def test_a_run_fits_on_the_screen(columns: int, number: int) -> None:
    screen, clock = Screen(columns), [100.0]
    values = headway_of(nodes(number), SIZE // 4, clock).values()
    screen.console.print(board.board(screen.console, values, {}))
    assert len(screen.lines) < 24
    assert max(map(len, screen.lines)) <= columns
    assert screen.lines[-1].startswith(f"0 of {number}, 25 % of ")
    assert screen.lines[-1].endswith("30 s left")
    shown = [line for line in screen.lines if line.startswith("appnode")]
    assert all("25 % of 65.0 MB" in line for line in shown)
    assert len(shown) == number if number <= 20 else screen.lines[-2] == f"and {number - len(shown)} more at work"


def test_equal_ends_fold_and_red_is_for_errors_only() -> None:
    screen, clock = Screen(80), [100.0]
    made = headway_of(nodes(60), 0, clock)
    for name in nodes(40):
        made(ev.RepositoryFinished(name, Outcome.DONE, 1.0))
    screen.console.print(board.board(screen.console, made.values(), {Outcome.DONE: nodes(40)}))
    assert screen.lines[0] == "appnode[1-40] done"
    assert "\x1b[31m" not in screen.raw
    screen.console.print(board.board(screen.console, made.values(), {Outcome.DONE: nodes(39), Outcome.FAILED: ["appnode40"]}))
    assert [line for line in screen.raw.splitlines() if "\x1b[31m" in line] == ["\x1b[31mappnode40 failed\x1b[0m"]


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
@pytest.mark.parametrize("number", [1, 20, 1000])
def test_nothing_of_a_summary_breaks_inside_a_word(columns: int, number: int) -> None:
    report, screen = ended(nodes(number), "appnode3"), Screen(columns)
    display.tabulate(screen.console, report)
    for line in (*as_text.details(report), as_text.headline(report)):
        screen.console.print(line)
    assert max(map(len, screen.lines)) <= max(columns, len("appnode[4-1000]") + len(" (each):"))
    whole = Screen(1000)
    display.tabulate(whole.console, report)
    for line in (*as_text.details(report), as_text.headline(report)):
        whole.console.print(line)
    known = {word.strip(":") for line in whole.lines for word in line.split()}
    assert {word.strip(":") for line in screen.lines for word in line.split()} <= known


def test_those_that_only_look_stand_together() -> None:
    screen, made = Screen(80), Headway("run", lambda: 1.0, lambda: 1.0, lambda _: None)
    made(ev.RunStarted("run", 0.0, [nodes(20)]))
    for name in nodes(20):
        made(ev.RepositoryStarted(name, "proxy"))
    made(ev.Planned("appnode7", 1, 0, 0, 0, 0, SIZE))
    screen.console.print(board.board(screen.console, made.values(), {}))
    assert [" ".join(line.split()) for line in screen.lines] == [
        "appnode7 0 % of 65.0 MB 0 of 1", "appnode[1-6], appnode[8-20] looking", "0 of 20, 0 % of 65.0 MB",
    ]  # fmt: skip


def test_many_that_ended_alike_are_one_row() -> None:
    rows = [row for _, row in as_text.folded(ended(nodes(40)))]
    assert [row[:2] for row in rows] == [("proxy", "done"), ("appnode[1-40] (each)", "done")]
    assert rows[1][2:] == ("1200", "15", "1185", "0", "0", "65.0 MB", "2.0 s to 8.0 s", words.moment(1.7e9 + 1))
    apart = as_text.folded(ended(nodes(40), "appnode3"))
    assert [(outcome, row[0]) for outcome, row in apart] == [
        (Outcome.DONE, "proxy"), (Outcome.DONE, "appnode[1-2], appnode[4-40] (each)"), (Outcome.FAILED, "appnode3"),
    ]  # fmt: skip
    assert [row[0] for _, row in as_text.folded(ended(nodes(4)))] == ["proxy", *nodes(4)], "few are told one by one"


@pytest.mark.parametrize(("seconds", "said"), [(9.4, "9 s"), (59, "59 s"), (60, "1 min"), (552, "9 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")])
def test_time_left_is_said_as_one_says_it(seconds: float, said: str) -> None:
    assert words.about(seconds) == said


@pytest.mark.parametrize(("width", "said"), [(40, "a[1-2], b[1-3], c"), (17, "a[1-2], b[1-3], c"), (14, "6 repositories")])
def test_names_take_as_much_room_as_there_is(width: int, said: str) -> None:
    assert words.fitting(["a1", "a2", "b1", "b2", "b3", "c"], width) == said


class Log:
    """Takes lines as a logger does."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, level: int, line: str) -> None:
        self.lines.append(line)

    def info(self, line: str) -> None:
        self.lines.append(line)

    def debug(self, line: str) -> None:
        pass


def test_a_line_a_minute_while_something_moves() -> None:
    log, clock = Log(), [1000.0]
    shown = display.Lines(log, monotonic=lambda: clock[0])  # type: ignore[arg-type]

    def moved() -> list[str]:
        shown(ev.Progress("appnode1", SIZE // 100))
        return [line for line in log.lines if line.startswith("under way: ")]

    shown(ev.RunStarted("run", 0.0, [nodes(3)]))
    for name in nodes(2):
        shown(ev.RepositoryStarted(name, "proxy"))
        shown(ev.Planned(name, 15, 0, 0, 0, 0, SIZE))
    clock[0] += 59
    assert moved() == [], "not before the first minute is over"
    clock[0] += 1
    (line,) = moved()
    assert re.fullmatch(r"under way: 0 of 3, 1 % of 130.0 MB, .* left; at work: appnode\[1-2\]", line), line
    clock[0] += 59
    assert len(moved()) == 1
    clock[0] += 3600
    shown(ev.Waiting("appnode1", 60.0, "it cannot be reached"))
    assert len([line for line in log.lines if line.startswith("under way: ")]) == 1, "nothing moves"
    assert len(moved()) == 2


def test_the_whole_of_a_run_in_a_few_words() -> None:
    values = {"ended": 7, "repositories": 20, "bad": 0, "percent": 31.2, "bytes_planned": 1_300_000_000, "left": 552.0}
    assert as_headway.total(values) == "7 of 20, 31 % of 1.3 GB, 9 min left"
    assert as_headway.total({}) == "0 of 0"
