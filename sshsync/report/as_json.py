"""The report as JSON: one object a line, the summary last. Fields are only ever added."""

import json
from typing import Any

from sshsync.model.events import Event, Verified, to_json
from sshsync.model.report import RepositoryReport, RunReport

SCHEMA = 1


def event_line(event: Event) -> str:
    """Return an event as one line of JSON, "" for events that are only for the journal."""
    if isinstance(event, Verified):
        return ""
    values = to_json(event)
    return json.dumps({**values, "type": _snake(str(values["type"]))})


def summary_line(report: RunReport) -> str:
    """Return the summary of a run as one line of JSON."""
    return json.dumps(summary(report))


def summary(report: RunReport) -> dict[str, Any]:
    """Return the summary of a run."""
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
        "bytes": {"moved": job.moved, "resent": job.resent, "planned": job.planned, "kept": job.kept},
        "seconds": round(job.seconds, 3),
        "retries": job.retries,
        "as_of": job.as_of,
        "error": job.error,
        "problems": [
            {"item": p.name, "reason": p.reason, "outcome": str(p.outcome), "code": p.code} for p in job.problems
        ],
        "notices": job.notices,
        "unfit": job.unfit,
    }


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
