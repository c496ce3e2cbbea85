"""Preflight: every host of a plan is greeted before anything changes, so all that is missing is told at once."""

import queue
import threading
import time
from collections.abc import Iterable

from sshsync.engine.context import Context
from sshsync.errors import InterruptedRun, SshsyncError
from sshsync.model.events import Unfit
from sshsync.model.topology import Repository

ANSWER_WITHIN = 5.0
"""Seconds without an answer of any host after which the run begins: a silent host is its own job's business."""

_AT_ONCE = 16


def greet(context: Context, repositories: Iterable[Repository]) -> None:
    """Connect to the hosts of all repositories side by side, and emit `Unfit` for each that cannot take part.

    Only what trying again cannot cure is told: missing tools, unusable shells, refused logins and keys. Errors
    of the way there are left to the jobs, which try again.
    """
    waiting: queue.SimpleQueue[Repository] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[Repository, str]] = queue.SimpleQueue()
    asked = list(repositories)
    for repository in asked:
        waiting.put(repository)

    def work() -> None:
        while True:
            try:
                repository = waiting.get_nowait()
            except queue.Empty:
                return
            answers.put((repository, _trouble(context, repository)))

    for _ in range(min(_AT_ONCE, len(asked))):
        threading.Thread(target=work, name="sshsync-preflight", daemon=True).start()
    found = _collect(context, answers, len(asked))
    for repository in asked:
        if words := found.get(repository.name):
            context.emit(Unfit(repository.name, words))


def _collect(context: Context, answers: "queue.SimpleQueue[tuple[Repository, str]]", expected: int) -> dict[str, str]:
    found: dict[str, str] = {}
    until = time.monotonic() + ANSWER_WITHIN
    while len(found) < expected and time.monotonic() < until and not context.asking.stop.signal:
        try:
            repository, words = answers.get(timeout=0.2)
        except queue.Empty:
            continue
        found[repository.name] = words
        until = time.monotonic() + ANSWER_WITHIN
    return found


def _trouble(context: Context, repository: Repository) -> str:
    """Return why the repository's host cannot take part, "" when it can or when that is not known yet."""
    try:
        capabilities = context.asking.session(repository).capabilities
        lacks = context.kind(repository).needs(repository, capabilities, repository.digest)
        return f"{repository.host.label}: {lacks}" if lacks else ""
    except InterruptedRun:
        return ""
    except SshsyncError as error:
        return "" if error.transient else str(error)
    except Exception:  # noqa: BLE001 - a bug shows where the job meets it, with its traceback
        return ""
