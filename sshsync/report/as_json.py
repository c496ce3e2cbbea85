"""The report as JSON: one object a line, the summary last. Fields are only ever added.

Every line is text to any reader. A name that is no UTF-8 stands there as it is shown on a screen, and its bytes in
base64 beside it, under the field's name with ``_base64``; beside a list of names stands a list, None for plain ones.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from sshsync.errors import ConfigError, SshsyncError
from sshsync.model.events import Event, Sent, Verified, key_of, to_json
from sshsync.model.omission import Omission
from sshsync.model.report import ItemProblem, RepositoryReport, RunReport
from sshsync.model.words import visible

SCHEMA = 1

_NAMES = ("name", "names", "items", "omitted")
"""Fields of events that hold names of items: one, a list, or a list of rows that begin with one."""

_LONE = re.compile("[\ud800-\udfff]")


def line(values: Mapping[str, Any]) -> str:
    """Return values as one line of JSON; what is no text in them is escaped."""
    return json.dumps(_readable(values))


def event_line(event: Event) -> str:
    """Return an event as one line of JSON, "" for events that are only for the journal."""
    if isinstance(event, Verified | Sent):
        return ""
    values = to_json(event)
    named = {field: values[field] for field in _NAMES if isinstance(values.get(field), str | list)}
    for field, held in named.items():
        values[field], odd = _names(held)
        if odd:
            values[f"{field}_base64"] = odd
    return line({**values, "type": _snake(str(values["type"]))})


def error_line(error: SshsyncError) -> str:
    """Return an error that ended a command before it had anything else to tell, as one line of JSON."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    return line(
        {
            "type": "error",
            "exit_code": error.code,
            "message": error.what.partition("\n")[0],
            "where": error.where,
            "hint": error.hint,
            "problems": [{"place": found.place, "message": found.text, "hint": found.hint} for found in problems],
        }
    )


def summary_line(report: RunReport) -> str:
    """Return the summary of a run as one line of JSON."""
    return json.dumps(summary(report))


def summary(report: RunReport) -> dict[str, Any]:
    """Return the summary of a run."""
    made: dict[str, Any] = _readable(_summary(report))
    return made


def _summary(report: RunReport) -> dict[str, Any]:
    return {
        "type": "summary",
        "schema": SCHEMA,
        "outcome": report.outcome or "unfinished",
        "exit_code": report.exit_code,
        "run": report.run,
        "started": report.started,
        "finished": report.finished,
        "dry_run": report.dry_run,
        "interrupted": report.interrupted,
        "repositories": [_repository(job) for job in report.jobs],
        "left_out": [_left_out(job, one) for job in report.sources for one in job.omitted],
    }


def _repository(job: RepositoryReport) -> dict[str, Any]:
    return {
        "name": job.name,
        "parent": job.parent,
        "outcome": str(job.outcome),
        "files": {
            "total": job.total,
            "copied": job.copied,
            "unchanged": job.unchanged,
            "deleted": job.deleted,
            "failed": job.failed,
            "deferred": job.deferred,
            "skipped": job.skipped,
            "blocked": job.blocked,
            "adjusted": job.adjusted,
        },
        "bytes": {
            "moved": job.moved,
            "resent": job.resent,
            "planned": job.planned,
            "kept": job.kept,
            "saved": job.saved,
            "shared": job.shared,
        },
        "seconds": round(job.seconds, 3),
        "retries": job.retries,
        "as_of": job.as_of,
        "error": job.error,
        "problems": [_problem(problem) for problem in job.problems],
        "notices": job.notices,
        "unfit": job.unfit,
        "allow": job.allow,
    }


def _left_out(job: RepositoryReport, one: Omission) -> dict[str, Any]:
    example, odd = _names(one.example)
    found = {"repository": job.name, "what": one.one, "count": one.count, "only": job.only, "example": example}
    return {**found, "example_base64": odd} if odd else found


def _problem(problem: ItemProblem) -> dict[str, Any]:
    name, odd = _names(problem.name)
    found = {"item": name, "reason": problem.reason, "outcome": str(problem.outcome), "code": problem.code}
    return {**found, "item_base64": odd} if odd else found


def _names(held: Any) -> tuple[Any, Any]:
    """Return names fit for JSON, and the bytes of those that are no text; None when all are."""
    if isinstance(held, str):
        return (visible(held, len(held)), _bytes(held)) if _LONE.search(held) else (held, None)
    if held and isinstance(held[0], str):
        pairs = [_names(name) for name in held]
        shown = [name for name, _ in pairs]
    else:
        pairs = [_names(row[0]) for row in held]
        shown = [(name, *row[1:]) for (name, _), row in zip(pairs, held, strict=True)]
    odd = [found for _, found in pairs]
    return shown, odd if any(odd) else None


def _bytes(name: str) -> str | None:
    try:
        return base64.b64encode(key_of(name)).decode()
    except UnicodeEncodeError:
        return None  # made of half a character, which is the name of nothing


def _readable(value: Any) -> Any:
    """Return a value in which every lone surrogate is escaped."""
    if isinstance(value, str):
        return _LONE.sub(lambda found: visible(found.group()), value) if _LONE.search(value) else value
    if isinstance(value, Mapping):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
