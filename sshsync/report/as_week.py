"""A week in words: how all repositories are, and which runs there were."""

from collections.abc import Mapping, Sequence
from typing import Any

from sshsync.errors import MEANINGS
from sshsync.model.report import RunReport
from sshsync.model.status import RepositoryStatus
from sshsync.report import as_status, as_text, words

_SHOWN = 20
"""Runs that are told of one by one."""


def subject(rows: Sequence[RepositoryStatus], runs: Sequence[Mapping[str, Any]]) -> str:
    """Return it in a few words; see `text`."""
    return f"the week: {'' if runs else 'nothing ran, '}{as_status.headline(rows)}"


def text(
    rows: Sequence[RepositoryStatus],
    runs: Sequence[Mapping[str, Any]],
    since: float,
    latest: RunReport | None,
    command: str,
    running: str | None,
) -> list[str]:
    """Return it in lines.

    Args:
        rows: how the repositories are.
        runs: those of this week that have ended or were broken off, latest first, as the journal has them.
        since: when the week began, in seconds since the epoch.
        latest: the last run, None for none.
        command: how this sshsync is called.
        running: who is at work now, "" for nobody, None where that is not known.
    """
    lines = [*as_status.lines(rows, None), "", *_runs(runs, since)]
    if latest is None:
        return [*lines, "", f"no run is on record yet; start one with: {command} --all"]
    last = [as_text.headline(latest, running), as_text.advice(latest, command, running)]
    return [*lines, "", *filter(None, last), "", *as_text.circumstances(latest)]


def _runs(runs: Sequence[Mapping[str, Any]], since: float) -> list[str]:
    if not runs:
        asked = "is its timer on? systemctl list-timers 'sshsync*'"
        return [f"no run ended since {words.moment(since)}: {asked}"]
    bad = [row for row in runs if row["exit_code"]]
    told = f"{words.count(len(runs), 'run')} ended since {words.moment(since)}"
    if not bad:
        return [f"{told}, all of them well"]
    left = [f"… and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    return [f"{told}, {len(bad)} of them badly:", *map(_line, bad[:_SHOWN]), *left]


def _line(row: Mapping[str, Any]) -> str:
    code = row["exit_code"]
    meaning = f", {MEANINGS[code]}" if code in MEANINGS else ""
    return f"run {row['id']} of {words.moment(row['started'])}: exit code {code}{meaning}"
