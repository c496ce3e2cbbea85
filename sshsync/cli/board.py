"""How far a run is, on a terminal: who has ended, who is at work, and the whole; no word is ever cut."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sshsync.model.events import Outcome
from sshsync.report import as_headway, words

ANY_WIDTH = 10_000
COLOURS = {
    Outcome.DONE: "green",
    Outcome.UNCHANGED: "green",
    Outcome.DEFERRED: "yellow",
    Outcome.PARTIAL: "yellow",
    Outcome.SKIPPED: "dim",
}
"""Colours of outcomes; all others are errors, and red is for these alone."""


def board(out: Console, values: Mapping[str, Any], ended: Mapping[Outcome, Sequence[str]]) -> Group:
    """Return what fits on the screen.

    Args:
        out: the terminal.
        values: what `engine.headway` tells.
        ended: names of repositories by how they ended.
    """
    told = [_ended(outcome, names, out.width) for outcome, names in ended.items()]
    rows = as_headway.rows(values)
    whole = Text(as_headway.total(values), "bold")
    return Group(*told, *underway(out, rows, out.height - len(told) - 2), whole)


def _ended(outcome: Outcome, names: Sequence[str], width: int) -> Text:
    return Text(
        f"{words.fitting(names, width - len(outcome) - 1)} {outcome}", COLOURS.get(outcome, "red"), no_wrap=True
    )


def underway(out: Console, rows: Sequence[Sequence[str]], room: int) -> list[RenderableType]:
    """Return as many rows as there is room for, with as many of their cells; then how many more there are.

    Of whom nothing is known but what it is doing, it stands with all that do the same.
    """
    rows = [row for row in rows if any(row[2:])] + _alike([row for row in rows if not any(row[2:])], out.width // 2)
    room = max(1, room - (len(rows) > room))
    left = [f"and {len(rows) - room} more at work"] if len(rows) > room else []
    for cells in range(max(map(len, rows), default=0), 1, -1):
        made = Table.grid(padding=(0, 2))
        for number in range(cells):
            made.add_column(no_wrap=True, justify="left" if number < 1 else "right")
        for row in rows[:room]:
            made.add_row(*row[:cells])
        if wanted(out, made) <= out.width:
            return [made, *left]
    return [*(": ".join(row[:2]) for row in rows[:room]), *left]


def _alike(rows: Sequence[Sequence[str]], width: int) -> list[Sequence[str]]:
    doing: dict[str, list[str]] = {}
    for row in rows:
        doing.setdefault(row[1], []).append(row[0])
    return [(words.fitting(names, width), what, *[""] * 3) for what, names in doing.items()]


def wanted(out: Console, made: RenderableType) -> int:
    """Return how wide something is where nothing is cut."""
    return out.measure(made, options=out.options.update(max_width=ANY_WIDTH)).maximum


def table(headings: Sequence[str], rows: Iterable[tuple[Sequence[str], str]], right: Sequence[int] = ()) -> Table:
    """Return a table of rows with their styles; the columns of numbers stand to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        made.add_column(heading, justify="right" if number in right else "left", no_wrap=True)
    for row, style in rows:
        made.add_row(*row[: len(headings)], style=style)
    return made
