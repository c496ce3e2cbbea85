"""How repositories that should be alike differ, as one page: what differs down, who holds what across."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape

from sshsync.model.drift import Drift, Names, Row
from sshsync.model.words import Words, visible
from sshsync.report import as_drift, words
from sshsync.report.html_style import STYLE
from sshsync.version import VERSION

_STYLE = """
input.filter { font: inherit; width: 100%; max-width: 24rem; padding: .4rem .6rem; color: var(--ink);
  background: var(--card); border: 1px solid var(--line); border-radius: .4rem; }
table.drift td, table.drift th { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; max-width: 22rem; }
table.drift th { vertical-align: bottom; }
table.drift td:first-child, table.drift th:first-child { position: sticky; left: 0; background: var(--paper); }
@media print { input.filter { display: none; } table.drift td:first-child { position: static; } }
"""

_SCRIPT = """
for (const box of document.querySelectorAll("input.filter")) {
  const table = box.closest("section").querySelector("table");
  box.hidden = false;
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  });
}
"""
"""Shows only rows in which something stands: the page's own, named by its digest, so that nothing else runs there."""

_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
)


def page(found: Iterable[Drift], called: Mapping[str, Words]) -> str:
    """Return the page.

    Args:
        found: how repositories stand to each other, type by type.
        called: what the items of each type are called.
    """
    told = list(found)
    at = max((one.at for one in told), default=0.0)
    parts = [line for one in told for line in _section(one, called[one.type])]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>sshsync: what differs, {words.moment(at)}</title>",
            f"<style>{STYLE}{_STYLE}</style>\n</head>\n<body>",
            *parts,
            f"<footer>sshsync {VERSION}, {words.moment(at)} {escape(words.zone(at))}.</footer>",
            f"<script>{_SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def _section(found: Drift, called: Words) -> list[str]:
    who, _, verdict = as_drift.headline(found, called).rpartition(": ")
    colour = "good" if not (found.rows or found.unasked) else "warn" if found.differing else "idle"
    lines = [
        f'<section><header class="verdict {colour}"><h1>{escape(verdict)}</h1><div class="soft">{escape(who)}</div>',
        "</header>",
    ]
    if found.rows:
        lines.append('<p><input class="filter" type="search" placeholder="Show only …" aria-label="Filter" hidden></p>')
        lines += _table(found, called)
    if found.unasked:
        lines += ["<h2>Could not be asked</h2><ul>"]
        lines += [f"<li>{escape(line)}</li>" for line in as_drift.unasked(found)]
        lines.append("</ul>")
    return [*lines, "</section>"]


def _table(found: Drift, called: Words) -> list[str]:
    columns = _columns(found)
    heads = "".join(f"<th>{escape(words.names(who))}</th>" for who in columns)
    lines = [
        f'<div class="scroll"><table class="drift"><thead><tr><th>{escape(called.one)}</th>{heads}</tr></thead><tbody>'
    ]
    for row in found.rows:
        cells = "".join(_cell(row, who[0]) for who in columns)
        lines.append(f'<tr><td class="mono">{escape(visible(row.key, 200))}</td>{cells}</tr>')
    return [*lines, "</tbody></table></div>"]


def _columns(found: Drift) -> list[Names]:
    """Return who hold the same of everything that differs, together: one column is enough for them."""
    silent = {one.name for one in found.unasked}
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    by_name: dict[str, list[tuple[str, str]]] = {name: [] for name in found.names if name not in silent}
    for row in found.rows:
        for name, held in by_name.items():
            held.append(_held(row, name))
    for name, held in by_name.items():
        alike.setdefault(tuple(held), []).append(name)
    return [tuple(who) for who in alike.values()]


def _cell(row: Row, name: str) -> str:
    colour, text = _held(row, name)
    return f'<td class="{colour}">{escape(text)}</td>'


def _held(row: Row, name: str) -> tuple[str, str]:
    """Return how what a repository holds looks, and what it is."""
    for one in row.unsure:
        if name in one.holders:
            return "bad", one.why
    for version in row.versions:
        if name in version.holders:
            ordered = any(other.newest for other in row.versions)
            colour = ("mono good" if version.newest else "mono warn") if ordered else "mono"
            return colour, as_drift.shown(version.digest)
    return ("bad", "missing") if name in row.missing else ("idle", "-")
