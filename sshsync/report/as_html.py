"""The report of a run as one page of HTML that needs nothing else: no scripts, no fonts, no pictures from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape

from sshsync.core.timeline import MOST_NAMES, Names, Span, Timeline
from sshsync.errors import MEANINGS
from sshsync.model.events import GOOD, Outcome, Retried
from sshsync.model.report import RepositoryReport, RunReport
from sshsync.report import as_text, words
from sshsync.report.html_style import STYLE
from sshsync.version import VERSION

_MOST_RETRIES = 200
# What hosts say ends up in here: nothing on the page may load, run or send anything, whatever it says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_COLOURS = {
    Outcome.DONE: "good",
    Outcome.UNCHANGED: "good",
    Outcome.DEFERRED: "warn",
    Outcome.PARTIAL: "warn",
    Outcome.SKIPPED: "idle",
}


def page(report: RunReport, times: Timeline, command: str = "") -> str:
    """Return the page.

    Args:
        report: what the run did.
        times: when, and the names of items.
        command: how this sshsync is called; "" as the run was.
    """
    command = command or report.called.command
    headline = as_text.headline(report).partition(": ")[2]
    parts = [
        *_verdict(report, headline, command),
        *_section("What failed, and what to know", _problems(report)),
        *_cards(report),
        *_section("Tree", _tree(report)),
        *_section("Time line", _lanes(report, times)),
        *_section("Repositories", _table(report)),
        *_section("Tried again", _retries(times)),
        *_section(escape(report.words.many.capitalize()), _items(report, times)),
    ]
    title = escape(f"sshsync {report.run}: {headline}")
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            *parts,
            *_circumstances(report),
            f"<footer>sshsync {VERSION}. Times are those of the controller. In full:",
            f"<code>{escape(command)} history {escape(report.run)} --json</code></footer>\n</body>\n</html>\n",
        ]
    )


def _verdict(report: RunReport, headline: str, command: str) -> list[str]:
    code = report.exit_code
    kind = "idle" if code is None else "good" if code in (0, 11) else "warn" if code in (7, 75, 130, 143) else "bad"
    told = "what was asked for is there" if report.narrowed and code == 0 else MEANINGS.get(code or 0, "interrupted")
    told = report.out_of_time if code == 75 and report.out_of_time else told
    meaning = "no end on record" if code is None else f"exit code {code}: {told}"
    again = f", continued {words.count(report.continued, 'time')}" if report.continued else ""
    dry = "dry run, " if report.dry_run else ""
    lines = [
        f'<header class="verdict {kind}"><h1>{escape(headline)}</h1>',
        f'<div class="soft">Run <span class="mono">{escape(report.run)}</span>, {dry}begun',
        f"{words.moment(report.started)}, ended {words.moment(report.finished)}{again};",
        f"{escape(meaning)}</div></header>",
    ]
    if advice := as_text.advice(report, command):
        words_before, _, line = advice.partition(": ")
        lines.append(f'<p>{escape(words_before)}:</p><code class="command">{escape(line)}</code>')
    return lines


def _circumstances(report: RunReport) -> list[str]:
    rows = (line.partition(": ") for line in as_text.circumstances(report))
    return [
        '<dl class="soft">',
        *(f"<dt>{escape(what)}</dt><dd>{escape(value)}</dd>" for what, _, value in rows),
        "</dl>",
    ]


def _cards(report: RunReport) -> list[str]:
    jobs = report.jobs
    said = report.words
    cards = [
        (
            "as asked for, in part" if report.narrowed else "in sync",
            f"{sum(job.outcome in GOOD for job in jobs)} of {len(jobs)}",
        ),
        (f"{said.many} {said.brought}", str(sum(job.copied for job in jobs))),
        (f"{said.many} unchanged", str(sum(job.unchanged for job in jobs))),
        (f"{said.many} deleted", str(sum(job.deleted for job in jobs))),
        (f"{said.many} failed", str(sum(job.failed + job.blocked for job in jobs))),
        ("moved", words.size(sum(job.moved for job in jobs))),
        ("saved: already there", words.size(sum(job.kept for job in jobs))),
        ("saved: made of what is there", words.size(sum(job.saved for job in jobs))),
        ("sent again", words.size(sum(job.resent for job in jobs))),
        ("steps tried again", str(sum(job.retries for job in jobs))),
    ]
    return [
        '<div class="cards">',
        *(f'<div class="card"><b>{value}</b>{escape(name)}</div>' for name, value in cards),
        "</div>",
    ]


def _tree(report: RunReport) -> list[str]:
    jobs = {job.name: job for job in report.jobs}
    children: dict[str, list[str]] = {}
    for job in jobs.values():
        children.setdefault(job.parent, []).append(job.name)
    roots = [parent for parent in children if parent not in jobs]
    return _branches(roots, jobs, children) if roots else []


def _branches(names: Sequence[str], jobs: dict[str, RepositoryReport], children: dict[str, list[str]]) -> list[str]:
    lines = ['<ul class="tree">']
    for name in names:
        job = jobs.get(name)
        if job:
            state = f"{job.outcome}, as of {words.moment(job.as_of)}" if job.outcome in GOOD else str(job.outcome)
        else:
            state = "feeds this run" if name else ""
        shown = f'<span class="dot {_colour(job)}"><b>{escape(name) or "not begun"}</b></span>'
        lines.append(f'<li>{shown} <span class="soft">{escape(state)}</span>')
        if below := children.get(name):
            lines += _branches(below, jobs, {key: value for key, value in children.items() if key != name})
        lines.append("</li>")
    return [*lines, "</ul>"]


def _lanes(report: RunReport, times: Timeline) -> list[str]:
    if not times.spans:
        return []
    length = max(times.end - times.begin, 0.001)
    lines = []
    for number, stage in enumerate(report.stages, 1):
        lines.append(f'<div class="soft">Stage {number}</div>')
        for name in stage:
            spans = [span for span in times.spans if span.repository == name]
            bars = "".join(_bar(span, times.begin, length) for span in spans)
            lines.append(f'<div class="row"><span>{escape(name)}</span><div class="lane">{bars}</div></div>')
    ends = [words.moment(times.begin)[11:], words.moment(times.begin + length / 2)[11:], words.moment(times.end)[11:]]
    return [
        *lines,
        '<div class="row"><span></span><div class="axis">',
        *(f"<span>{end}</span>" for end in ends),
        "</div></div>",
    ]


def _bar(span: Span, begin: float, length: float) -> str:
    left, width = (span.begin - begin) / length * 100, (span.end - span.begin) / length * 100
    colour = _COLOURS.get(Outcome(span.outcome), "bad") if span.outcome else "idle"
    title = escape(f"{span.repository}: {span.outcome or 'no end'}, {words.duration(span.end - span.begin)}")
    bar = f'<div class="span {colour}" style="left:{left:.3f}%;width:{width:.3f}%" title="{title}"></div>'
    marks = (f'<div class="retry" style="left:{(at - begin) / length * 100:.3f}%"></div>' for at, _ in span.retries)
    return bar + "".join(marks)


def _table(report: RunReport) -> list[str]:
    headings = as_text.headings(report)
    first = "".join(f"<th{_cell(heading)}>{escape(heading)}</th>" for heading in headings)
    lines = ['<div class="scroll"><table><thead><tr>', first, "</tr></thead><tbody>"]
    for job, row in zip(report.jobs, as_text.rows(report), strict=True):
        cells = [f"<td{_cell(heading)}>{escape(value)}</td>" for heading, value in zip(headings, row, strict=True)]
        cells[1] = f'<td class="{_colour(job)}">{escape(row[1])}</td>'
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return [*lines, "</tbody></table></div>"]


def _cell(heading: str) -> str:
    if heading in ("repository", "outcome", "in sync as of"):
        return ""
    return ' class="number wide"' if heading in ("unchanged", "deleted", "time") else ' class="number"'


def _problems(report: RunReport) -> list[str]:
    wrong = as_text.failures(report, most=MOST_NAMES)
    lines = [*wrong, *as_text.notes(report), *as_text.omissions(report, examples=True)]
    return ["<ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"] if lines else []


def _retries(times: Timeline) -> list[str]:
    found = times.retries
    lines = [f"<li>{words.moment(at)} {escape(_retry(event))}</li>" for at, event in found[:_MOST_RETRIES]]
    more = [f"<li>… and {len(found) - _MOST_RETRIES} more</li>"] if len(found) > _MOST_RETRIES else []
    return ["<ul>", *lines, *more, "</ul>"] if lines else []


def _retry(event: Retried) -> str:
    return f"{event.repository}: {event.step}, try {event.attempt}: {event.reason}"


def _items(report: RunReport, times: Timeline) -> list[str]:
    lines = []
    for job in report.jobs:
        for found, what in ((times.published, job.words.brought), (times.deleted, "deleted")):
            names = found.get(job.name, Names())
            lines += _names(f"{job.name}: {words.count(names.count, job.words.one, job.words.many)} {what}", names)
    return lines


def _names(heading: str, names: Names) -> list[str]:
    if not names.count:
        return []
    sizes = ((words.item(name), f" ({words.size(size)})" if size else "") for name, size in names.first)
    shown = "".join(f"<li>{escape(name + size)}</li>" for name, size in sizes)
    left = names.count - len(names.first)
    more = f"<li>… and {left} more</li>" if left else ""
    return [f'<details><summary>{escape(heading)}</summary><ul class="files mono">{shown}{more}</ul></details>']


def _section(heading: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return [f"<section><h2>{heading}</h2>", *found, "</section>"] if found else []


def _colour(job: RepositoryReport | None) -> str:
    return _COLOURS.get(job.outcome, "bad") if job else "idle"
