"""The seam: an executor runs jobs as they become ready. It knows jobs, not hosts."""

from collections.abc import Callable
from typing import Protocol

from sshsync.model.plan import Job

Next = Callable[[frozenset[str], frozenset[str]], tuple[Job, ...]]
"""Gives the jobs that may start, from the names of those started and of those finished."""

Work = Callable[[Job], None]
"""Carries out one job; never raises for what goes wrong in it."""


class Executor(Protocol):
    """Runs jobs until none is running and none becomes ready."""

    def run(self, following: Next, work: Work) -> None:
        """Run all jobs. Any executor gives the same report: order is `following`'s business."""
        ...
