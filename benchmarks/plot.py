"""Bars as SVG: a group for each row, a bar for each way, readable on light and dark pages. Pure."""

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

WIDTH, LABELS, VALUES = 860, 190, 120
"""Of the picture, of the names at its left, of the figures at its right."""
BAR, GAP, GROUP, TITLE, HEAD = 16, 4, 18, 20, 46
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.paper { fill: #ffffff } .title { font-weight: 600 } .head { font-size: 15px; font-weight: 600 }
.value { fill: #57606a } .grid { stroke: #d0d7de; stroke-width: 1 }
.ours { fill: #0969da } .peer { fill: #8c959f }
.failed { fill: none; stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 4 3 }
polyline.ours { fill: none; stroke: #0969da; stroke-width: 2 }
polyline.peer { fill: none; stroke: #8c959f; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .paper { fill: #161b22 } .value { fill: #9da7b3 }
  .ours { fill: #58a6ff } .peer { fill: #6e7681 } .failed { stroke: #ff7b72 } .grid { stroke: #30363d }
  polyline.ours { fill: none; stroke: #58a6ff } polyline.peer { fill: none; stroke: #6e7681 }
}
"""


@dataclass(frozen=True)
class Bar:
    """One way: its name, its value, that value in words, whether it is ours, and whether the work was done at all."""

    name: str
    value: float
    words: str
    ours: bool = False
    failed: bool = False


def bars(title: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """Return a picture of groups of bars, each with a scale of its own: its longest bar is as long as can be."""
    body: list[str] = []
    top = HEAD
    for name, group in groups.items():
        body += _text(16, top + 12, name, "title")
        top += TITLE
        longest = max((bar.value for bar in group), default=0) or 1.0
        for bar in group:
            body += _bar(top, bar, bar.value / longest)
            top += BAR + GAP
        top += GROUP
    return _svg(title, body, top)


def curves(title: str, across: str, series: Mapping[str, Sequence[tuple[float, float]]], unit: str) -> str:
    """Return a picture of lines over a common axis that begins at 0. Points are (place, value)."""
    height, left, low = 270, 90, HEAD + 210
    points = [point for line in series.values() for point in line]
    widest = max((place for place, _ in points), default=0) or 1.0
    step = _step(max((value for _, value in points), default=0) or 1.0)
    highest = step * math.ceil(max((value for _, value in points), default=0) / step or 1)
    body: list[str] = []
    for number in range(round(highest / step) + 1):
        y = low - 200 * number * step / highest
        body.append(f'<line class="grid" x1="{left}" x2="{WIDTH - VALUES}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body += _text(left - 8, y + 4, f"{number * step:g} {unit}", "value", anchor="end")
    for number, (name, line) in enumerate(series.items()):
        at = [(left + (WIDTH - VALUES - left) * place / widest, low - 200 * value / highest) for place, value in line]
        kind = "ours" if number == 0 else "peer"
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        body.append(f'<polyline class="{kind}" points="{path}"/>')
        body += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in at]
        body += _text(at[-1][0] + 10, at[-1][1] + 4, name, "value") if at else []
    for place in sorted({place for place, _ in points}):
        x = left + (WIDTH - VALUES - left) * place / widest
        body += _text(x, low + 20, f"{place:,g}", "value", anchor="middle")
    body += _text((left + WIDTH - VALUES) / 2, low + 40, across, "value", anchor="middle")
    return _svg(title, body, HEAD + height)


def _bar(top: float, bar: Bar, share: float) -> Iterator[str]:
    length = max(2.0, (WIDTH - LABELS - VALUES) * share)
    kind = "failed" if bar.failed else "ours" if bar.ours else "peer"
    yield from _text(LABELS - 8, top + 12.5, bar.name, anchor="end")
    yield f'<rect class="{kind}" x="{LABELS}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    yield from _text(LABELS + length + 8, top + 12.5, bar.words, "value")


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> Iterator[str]:
    named = f' class="{kind}"' if kind else ""
    yield f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _svg(title: str, body: Sequence[str], height: float) -> str:
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{html.escape(title)}">'
    paper = f'<rect class="paper" width="{WIDTH}" height="{height:.0f}" rx="6"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *_text(16, 26, title, "head"), *body, "</svg>", ""])


def _step(highest: float) -> float:
    """Return a round distance between lines of the grid, of which four to eight are needed."""
    power = 10.0 ** math.floor(math.log10(highest / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if highest / (power * factor) <= 8)
