"""The report as JSON: one object a line, the summary last. Fields are only ever added.

Every line is text to any reader. A name that is no UTF-8 stands there as it is shown on a screen, and its bytes in
base64 beside it, under the field's name with ``_base64``; beside a list of names stands a list, None for plain ones.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sshsync.errors import ConfigError, SshsyncError
from sshsync.model.events import Before, Event, Progress, Sent, Verified, key_of
from sshsync.model.omission import Omission
from sshsync.model.report import ItemProblem, RepositoryReport, RunReport
from sshsync.model.words import visible
from sshsync.model.written import to_json
from sshsync.report.answers import Error, Problem, Status

SCHEMA = 1

NAMES = ("name", "names", "items", "omitted")
"""Fields of events that hold names of items: one, a list, or a list of rows that begin with one."""
UNTOLD = (Verified, Sent, Progress, Before)
"""Events that are for the journal, or for a bar on a screen."""

_LONE = re.compile("[\ud800-\udfff]")


def line(values: Mapping[str, Any]) -> str:
    """Return values as one line of JSON; what is no text in them is escaped."""
    return json.dumps(_readable(values))


def event_line(event: Event) -> str:
    """Return an event as one line of JSON, "" for those that are `UNTOLD`."""
    if isinstance(event, UNTOLD):
        return ""
    values = to_json(event)
    return line(_named({**values, "type": snake(str(values["type"]))}))


def answer_line(answer: Any) -> str:
    """Return an object of `report.answers`, or a survey, as one line of JSON."""
    return line(_named({"type": snake(type(answer).__name__), **asdict(answer)}))


def status_line(answer: Status) -> str:
    """Return how repositories are as one line of JSON."""
    return line({"type": "status", **asdict(answer), "repositories": [row.values() for row in answer.repositories]})


def error(found: SshsyncError) -> Error:
    """Return an error that ended a command before it had anything else to tell."""
    problems = found.problems if isinstance(found, ConfigError) else ()
    told = [Problem(problem.place, problem.text, problem.hint) for problem in problems]
    return Error(found.code, found.what.partition("\n")[0], found.where, found.hint, told)


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
        "out_of_time": report.out_of_time,
        "called": asdict(report.called),
        "narrowed": asdict(report.narrowed) if report.narrowed else None,
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


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with the bytes of names that are no text beside these."""
    named = {field: values[field] for field in NAMES if isinstance(values.get(field), str | list)}
    for field, held in named.items():
        values[field], odd = _names(held)
        if odd:
            values[f"{field}_base64"] = odd
    return values


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


def snake(name: str) -> str:
    """Return the name of a class as the type of an object."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
