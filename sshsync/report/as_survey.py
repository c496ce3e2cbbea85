"""Surveys as rows and lines."""

from collections.abc import Iterable

from sshsync.model.survey import Survey
from sshsync.report import words

STATE = ("repository", "host", "system", "login shell", "root", "free", "round trip", "clock", "digests at")
WAYS = ("repository", "list", "digest", "transfer", "key exchange", "cipher", "host key")


def state(survey: Survey) -> tuple[str, ...]:
    """Return one row under `STATE`."""
    if not survey.root:
        return (survey.repository, survey.host, *["-"] * (len(STATE) - 2))
    return (
        survey.repository,
        survey.host,
        survey.platform or "-",
        survey.login_shell or "-",
        "to be made" if survey.root == "missing" and not survey.problem else survey.root,
        words.size(survey.free) if survey.free is not None else "-",
        f"{survey.round_trip * 1000:.0f} ms",
        # Hosts tell whole seconds: half a second is lost on average.
        f"{round(survey.clock + 0.5):+d} s",
        f"{words.size(survey.speed)}/s" if survey.speed else "-",
    )


def ways(survey: Survey) -> tuple[str, ...]:
    """Return one row under `WAYS`."""
    security = survey.security
    cipher = " ".join(name for name in (security.get("cipher"), security.get("mac")) if name)
    return (
        survey.repository,
        survey.ways.get("list", "-"),
        survey.digest or "-",
        survey.ways.get("transfer") or "-",
        security.get("kex", "-"),
        cipher or "-",
        security.get("host_key", "-"),
    )


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
