"""Earlier runs, and what happened to one file, as rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sshsync.model.events import RunFinished
from sshsync.model.plan import Manner
from sshsync.model.words import visible
from sshsync.report import words
from sshsync.report.answers import Run, Version

HEADINGS = ("run", "started", "ended", "time", "in sync", "brought", "deleted", "failed", "moved", "stages")
LEAST = (1, 9, 6, 5, 3)
"""Columns in the order in which they are left out where there is no room; a run's name says when it began."""
NUMBERS = range(3, 9)
"""Columns of numbers."""
VERSION_HEADINGS = ("when", "repository", "what", "size", "digest", "run")


def run(row: Mapping[str, Any], end: RunFinished | None, manner: Manner) -> Run:
    """Return a run as a program reads it.

    Args:
        row: what the journal says of it.
        end: how it ended, None where it did not.
        manner: how it went about its stages.
    """
    how: dict[str, Any] = {"narrowed": manner.narrowed or None, "like": manner.like, "back": manner.back}
    if end is None:
        return Run(**row, **how)
    did = {name: getattr(end, name) for name in ("good", "brought", "deleted", "failed", "moved")}
    seconds = round(max(0.0, end.at - row["started"]), 3)
    return Run(**row, outcome=str(end.outcome), seconds=seconds, **did, **how)


def cells(found: Run) -> tuple[str, ...]:
    """Return a run as cells under `HEADINGS`."""
    stages = " ".join(f"--sync {words.names(stage).replace(', ', ',')}" for stage in found.stages)
    if found.back:
        stages = f"rollback {' '.join(name for stage in found.stages for name in stage)} --to {found.back}"
    stages += f" --like {found.like}" if found.like else ""
    stages += f" {found.narrowed.options}" if found.narrowed else ""
    if found.seconds is None:
        told = ["-"] * 6
    else:
        total = sum(len(stage) for stage in found.stages)
        counts = (found.brought, found.deleted, found.failed)
        shown = [str(count) for count in counts]
        part = " in part" if found.narrowed else ""
        told = [words.duration(found.seconds), f"{found.good} of {total}{part}", *shown, words.size(found.moved or 0)]
    return (found.id, words.moment(found.started), _ended(found), *told, stages)


def version(found: Version) -> tuple[str, ...]:
    """Return what happened to a file as cells under `VERSION_HEADINGS`."""
    size = words.size(found.size) if found.size is not None else "-"
    return (words.moment(found.at), visible(found.repository, 100), found.what, size, found.digest or "-", found.run)


def held(found: Iterable[tuple[str, str]]) -> Sequence[str]:
    """Return in lines what is on record of a file now; equal digests of several repositories are one line."""
    alike: dict[str, list[str]] = {}
    for repository, digest in found:
        alike.setdefault(digest, []).append(repository)
    return [f"{words.names(names)}: now {digest}, as verified last" for digest, names in alike.items()]


def _ended(found: Run) -> str:
    if found.finished is None:
        return "abandoned" if found.abandoned else "unfinished"
    kind = "dry run, " if found.dry else "interrupted, " if found.interrupted else ""
    return (
        f"{kind}{found.outcome}, exit code {found.exit_code}" if found.outcome else f"{kind}exit code {found.exit_code}"
    )
