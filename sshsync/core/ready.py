"""Which job may start now. The barrier between stages is this one policy and nothing else.

The seam for cut-through: a policy that looks at verified items instead of finished stages replaces `barrier`.
"""

from collections.abc import Collection
from typing import Protocol

from sshsync.model.plan import Job, Plan


class Ready(Protocol):
    """Decides which jobs may start."""

    def __call__(self, plan: Plan, started: Collection[str], finished: Collection[str]) -> tuple[Job, ...]:
        """Return the jobs that may start, given the names of those started (finished ones included)."""
        ...


def barrier(plan: Plan, started: Collection[str], finished: Collection[str]) -> tuple[Job, ...]:
    """Start a stage when every job of all earlier stages has finished."""
    for stage in plan.stages:
        waiting = tuple(job for job in stage if job.repository not in started)
        if waiting:
            return waiting
        if any(job.repository not in finished for job in stage):
            return ()
    return ()
