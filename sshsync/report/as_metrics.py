"""The report in Prometheus' text format (exposition format 0.0.4), for a textfile collector."""

from collections.abc import Iterable, Mapping

from sshsync.model.events import GOOD
from sshsync.model.report import RunReport


def text(report: RunReport, in_sync: Mapping[str, float]) -> str:
    """Return the metrics of the last run.

    Args:
        report: what it did.
        in_sync: the moment of which each repository was last known to equal its master; 0 for never. A run that
            failed does not take these back.
    """
    jobs = report.jobs
    lines = [
        *_metric("run_exit_code", "Exit code of the last run.", [("", report.exit_code or 0)]),
        *_metric(
            "run_out_of_time",
            "Whether the last run ended because its window closed, or max_duration was over.",
            [("", int(bool(report.out_of_time)))],
        ),
        *_metric("run_timestamp_seconds", "When the last run ended.", [("", report.finished)]),
        *_metric("run_duration_seconds", "How long the last run took.", [("", report.finished - report.started)]),
        *_metric(
            "in_sync_timestamp_seconds",
            "The moment of which a repository was last known to equal its master.",
            [(_label(name), at) for name, at in in_sync.items()],
        ),
        *_metric(
            "repository_ok",
            "Whether a repository reached its goal in the last run.",
            [(_label(job.name), int(job.outcome in GOOD)) for job in jobs],
        ),
    ]
    items = report.words.many.capitalize()
    for name, words in (
        ("copied", f"{items} published in the last run."),
        ("unchanged", f"{items} found equal in the last run."),
        ("deleted", f"{items} deleted in the last run."),
        ("failed", f"{items} that failed in the last run."),
        ("deferred", f"{items} left because they were still being written."),
        ("retries", "Steps that were tried again in the last run."),
        ("moved", "Bytes moved in the last run."),
        ("resent", "Bytes sent again in the last run."),
        ("saved", "Bytes found on the host in the last run that did not have to move."),
        ("seconds", "Time spent on a repository in the last run."),
    ):
        lines += _metric(f"repository_{name}", words, [(_label(job.name), getattr(job, name)) for job in jobs])
    lines += _metric(
        "repository_left_out",
        "What a repository holds that others take from it, and that is left out, by what it is.",
        [(_label(job.name, what=one.one), one.count) for job in report.sources for one in job.omitted],
    )
    return "\n".join(lines) + "\n"


def _metric(name: str, words: str, values: Iterable[tuple[str, float]]) -> list[str]:
    full = f"sshsync_{name}"
    return [
        f"# HELP {full} {words}",
        f"# TYPE {full} gauge",
        *(f"{full}{label} {value:.15g}" for label, value in values),
    ]


def _label(name: str, **more: str) -> str:
    """Names of repositories hold letters, digits, '_', '.' and '-' only, words of kinds letters: nothing has to be
    escaped."""
    return "{" + ",".join(f'{key}="{value}"' for key, value in {"repository": name, **more}.items()) + "}"
