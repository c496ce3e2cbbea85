"""Surveys as rows and lines."""

from collections.abc import Iterable

from sshsync.model.survey import Survey
from sshsync.report import words

HEADINGS = ("repository", "host", "root", "link", "would use", "connection", "tools")
_LINES = 3


def row(survey: Survey) -> tuple[str, ...]:
    """Return what was found as cells under `HEADINGS`, each of a few lines."""
    ready = "cannot take part" if survey.problem else "ready"
    if not survey.root:
        return (f"{survey.repository}\n{survey.host}\n{ready}", *["-"] * (len(HEADINGS) - 1))
    speed = f" at {words.size(survey.speed)}/s" if survey.speed else ""
    made = survey.root == "missing" and not survey.problem
    cells = (
        (survey.repository, survey.host, ready),
        (survey.platform or "-", survey.login_shell or "-"),
        ("to be made" if made else survey.root, f"{words.size(survey.free)} free" if survey.free is not None else ""),
        # Hosts tell whole seconds: half a second is lost on average.
        (f"{survey.round_trip * 1000:.0f} ms", f"clock {round(survey.clock + 0.5):+d} s"),
        (
            f"list: {survey.ways.get('list', '-')}",
            f"digest: {survey.digest or '-'}{speed}",
            f"transfer: {survey.ways.get('transfer') or '-'}",
        ),
        _connection(survey),
        _packed(survey.tools),
    )
    return tuple("\n".join(cell) for cell in cells)


def _connection(survey: Survey) -> tuple[str, ...]:
    found = survey.security
    cipher = " ".join(name for name in (found.get("cipher"), found.get("mac")) if name)
    return tuple(name for name in (found.get("kex"), cipher, found.get("host_key")) if name) or ("-",)


def _packed(tools: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tools in as many lines as the other cells have, about equally long."""
    per_line = -(-len(tools) // _LINES) or 1
    return tuple(" ".join(tools[start : start + per_line]) for start in range(0, len(tools), per_line)) or ("-",)


def details(surveys: Iterable[Survey]) -> list[str]:
    """Return what stands in the way and what to know, one line each."""
    lines = []
    for survey in surveys:
        if survey.problem:
            lines.append(f"{survey.repository}: {survey.problem}")
            continue
        if not survey.durable:
            lines.append(f"{survey.repository}: note: its host cannot flush one file system: durability not confirmed")
        if abs(survey.clock) > 60:
            lines.append(f"{survey.repository}: note: its clock is {survey.clock:+.0f} s off")
        if survey.security.get("strict_kex") == "no":
            lines.append(f"{survey.repository}: note: its sshd knows no strict key exchange (Terrapin, CVE-2023-48795)")
    return lines
