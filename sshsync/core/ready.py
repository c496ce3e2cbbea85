"""Which job may start now. The barrier between stages is this one policy and nothing else.

A policy says when a job may start at the earliest. Whatever it says, a run hands a job out only with what its parent
offers, and no repository is reported better than its parent: a policy can cost time, never the truth.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from sshsync.model.order import Ended
from sshsync.model.plan import Job, Plan


class Ready(Protocol):
    """Decides which jobs may start."""

    def __call__(self, plan: Plan, started: Collection[Job], finished: Mapping[Job, Ended]) -> tuple[Job, ...]:
        """Return jobs that may start, given those started (finished ones included) and how each finished one ended."""
        ...


def barrier(plan: Plan, started: Collection[Job], finished: Mapping[Job, Ended]) -> tuple[Job, ...]:
    """Start a stage when every job of all earlier stages has finished.

    What has started is then all of the earlier stages and some of this one, so counting tells where the run stands.
    """
    before = 0
    for stage in plan.stages:
        upto = before + len(stage)
        if len(finished) < upto:
            return tuple(job for job in stage if job not in started) if len(started) < upto else ()
        before = upto
    return ()
