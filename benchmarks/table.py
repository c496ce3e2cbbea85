"""Figures as text: what JSON holds, the lines on the terminal, the table of the page. Pure."""
# ruff: noqa: RUF001 - the signs of times and of nothing are meant

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.row import OURS, Figures, Measured, Row, Target, middle

Facts = dict[str, Any]
"""One step of one row as JSON: theme, title, ways (medians, by name), targets (text, value, reached)."""
NAMES = {
    "seconds": "time",
    "wire": "bytes on the wire",
    "memory": "memory",
    "first_memory": "memory of the run before",
    "parent_sent": "sent by the parent",
    "resent_per_cut": "sent again for each cut",
    "journal_per_file": "journal for each file",
    "off": "off the rate",
    "second": "most in a second",
}
COUNTED = {
    "memory": "MiB",
    "first_memory": "MiB",
    "parent_sent": "MB",
    "resent_per_cut": "MB",
    "second": "MB",
    "journal_per_file": "B",
}
UNITS = {"MiB": 1 << 20, "MB": 1e6, "B": 1}


def facts(row: Row, measured: Measured, made_by: str) -> dict[str, Facts]:
    """Return what was found, by the name of row and step."""
    found = {}
    for step, ways in measured.items():
        middles = {way: middle(goes) for way, goes in ways.items()}
        # What is aimed at for the full size says nothing of a smaller one, unless it is a ratio.
        full = not row.lab.size.small and row.lab.size.scale >= 1
        targets = [target for target in row.targets if target.step == step and (full or target.beside)]
        found[f"{row.name}/{step}" if step else row.name] = {
            "theme": row.theme,
            "title": titled(row, step),
            "link": made_by,
            "across": row.across(step),
            "scale": row.lab.size.scale,
            "rounds": len(ways[OURS]),
            "ways": {way: plain(figures, ways[way]) for way, figures in middles.items()},
            "targets": [reached(target, middles) for target in targets],
        }
    return found


def titled(row: Row, step: str) -> str:
    """Return what a row is called, with its step, and how much smaller than that it was."""
    size = row.lab.size
    scale = " (small, for its result only)" if size.small else f" (at {size.scale:g} of this size)"
    return f"{row.title}{': ' if step else ''}{row.steps[step]}{scale if size.small or size.scale != 1 else ''}"


def plain(figures: Figures, goes: Sequence[Figures]) -> Facts:
    """Return the medians of a way, and between which times its rounds lie."""
    given = {name: value for name, value in asdict(figures).items() if name != "more"}
    return given | dict(figures.more) | {"from": min(go.seconds for go in goes), "to": max(go.seconds for go in goes)}


def reached(target: Target, ways: Mapping[str, Figures]) -> Facts:
    """Return a target in words, how far sshsync is, and whether that is enough."""
    ours, name = ways[OURS].of(target.figure), NAMES[target.figure]
    if target.beside:
        theirs = ways[target.beside].of(target.figure)
        most = theirs * target.most + target.plus
        more = f" + {target.plus:.1f} s" if target.plus else ""
        text = f"{name} ≤ {target.most:.2f} × {target.beside}{more}"
        value = f"{ours - theirs:+.1f} s" if target.plus else f"{ours / max(theirs, 1e-9):.2f} ×"
    else:
        most = target.most
        text, value = f"{name} ≤ {amount(target.figure, most)}", amount(target.figure, ours)
    if not ways[OURS].arrived:
        return {"text": text, "value": "did not arrive", "reached": False}
    return {"text": text, "value": value, "reached": ours <= most}


def value(got: Facts, figure: str) -> float:
    """Return a figure of a way by the name that a target has for it."""
    return float(got["sent"] + got["received"] if figure == "wire" else got[figure])


def amount(figure: str, value: float) -> str:
    """Return a figure with its unit."""
    if figure == "seconds":
        return f"{value:.1f} s"
    if figure == "off":
        return f"{value:.1%}"
    unit = COUNTED.get(figure, "MB")
    return f"{value / UNITS[unit]:,.1f} {unit}"


def lines(found: Mapping[str, Facts]) -> Iterator[str]:
    """Yield what the terminal shows of a row."""
    for name, fact in found.items():
        yield f"{name}: {fact['title']} ({fact['link']}, medians of {fact['rounds']})"
        ours = fact["ways"][OURS]
        for way, got in fact["ways"].items():
            spread = f"({got['from']:.2f} to {got['to']:.2f})"
            ratio = f"  sshsync takes {ours['seconds'] / got['seconds']:.2f} × its time"
            ending = "  DID NOT ARRIVE" if not got["arrived"] else "" if way == OURS or not ours["arrived"] else ratio
            wire = f"sent {got['sent'] / 1e6:8.1f} MB  received {got['received'] / 1e6:8.1f} MB"
            memory = f"memory {got['memory'] / (1 << 20):5.0f} MiB"
            yield f"  {way:<22} {got['seconds']:8.2f} s {spread:<20} {wire}  {memory}{ending}"
        for target in fact["targets"]:
            yield f"  {'reached' if target['reached'] else 'not yet'}: {target['text']}: {target['value']}"


def page(found: Mapping[str, Facts]) -> Iterator[str]:
    """Yield the table of the page of benchmarks, a section for each theme."""
    themes = {fact["theme"]: None for fact in found.values()}
    for theme in themes:
        yield from ("", f"### {theme}", "", f"![{theme}](benchmarks/{theme}.svg)", "")
        yield from ("| work | way | time | sent | received | memory | aimed at |", "|---|---|---|---|---|---|---|")
        for name, fact in found.items():
            if fact["theme"] == theme:
                yield from _page_rows(name, fact)


def _page_rows(name: str, fact: Facts) -> Iterator[str]:
    for way, got in fact["ways"].items():
        title, aims = "", ""
        if way == OURS:
            title, aims = f"{fact['title']} (`{name}`)", "<br>".join(map(_aim, fact["targets"]))
        seconds = f"{got['seconds']:.2f} s" if got["arrived"] else f"not within {got['seconds']:.0f} s"
        sent, received = (f"{got[key] / 1e6:,.1f} MB" if got[key] else "–" for key in ("sent", "received"))
        memory = f"{got['memory'] / (1 << 20):.0f} MiB" if got["memory"] else "–"
        yield f"| {title} | {way} | {seconds} | {sent} | {received} | {memory} | {aims} |"


def _aim(target: Facts) -> str:
    return f"{target['text']}: {'**reached**, ' if target['reached'] else ''}{target['value']}"
