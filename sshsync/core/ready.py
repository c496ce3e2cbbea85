"""Which job may start now. The barrier between stages is this one policy and nothing else.

A policy says when a job may start at the earliest. Whatever it says, a run hands a job out only with what its parent
offers, and no repository is reported better than its parent: a policy can cost time, never the truth.
"""

from collections.abc import Callable, Collection, Mapping
from itertools import chain
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


class Flowing:
    """The barrier, but for jobs that may take from their parents while these are still being synchronized.

    Such a job starts as soon as its parent has. Whatever is named has to be started before the policy is asked again;
    so it looks at all jobs only when something new has started or a stage is over.

    Args:
        follows: tells whether a job is such a one.
    """

    def __init__(self, follows: Callable[[Job], bool]) -> None:
        self._follows = follows
        self._stage = 0
        self._over = 0
        self._asked: tuple[int, int] | None = None

    def __call__(self, plan: Plan, started: Collection[Job], finished: Mapping[Job, Ended]) -> tuple[Job, ...]:
        """See `Ready`."""
        self._pass(plan, finished)
        if self._asked == (len(started), self._stage):
            return ()
        self._asked = len(started), self._stage
        due = [job for job in chain(*plan.stages[self._stage : self._stage + 1]) if job not in started]
        begun = {job.repository for job in (*started, *due)}
        for job in chain(*plan.stages[self._stage + 1 :]):
            if self._follows(job) and job not in started and job.parent in begun:
                begun.add(job.repository)
                due.append(job)
        return tuple(due)

    def _pass(self, plan: Plan, finished: Mapping[Job, Ended]) -> None:
        """Step over what has finished: it stays so."""
        while self._stage < len(plan.stages):
            stage = plan.stages[self._stage]
            while self._over < len(stage) and stage[self._over] in finished:
                self._over += 1
            if self._over < len(stage):
                return
            self._stage, self._over = self._stage + 1, 0
