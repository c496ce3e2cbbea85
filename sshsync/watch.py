"""Watching: look at the masters every few minutes, and walk the tree as soon as an upload is complete."""

import math
import queue
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from sshsync.api import Result, Sync, Visit
from sshsync.core import watching
from sshsync.core.watching import Look, Step, Watching
from sshsync.errors import InterruptedRun, LockedError, OutsideError, SshsyncError
from sshsync.model.plan import Plan

_BEAT = 0.5
_JITTER = 0.1
_OUTSIDE = 30.0
"""Seconds between two looks at the clock outside of the hours in which runs may be under way."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of what a watcher does.

    Attributes:
        beat: called at least every few seconds while all is well, whatever is going on.
        waiting: told what it waits for; called only when that changes.
        ended: told of each run.
    """

    beat: Callable[[], None]
    waiting: Callable[[str], None]
    ended: Callable[[Result], None]


class Watch:
    """Watches for one plan, over the same connections for as long as it lives.

    Args:
        sync: the engine; runs of others with the same configuration take turns with it by the lock.
        visit: a visit of it, which is this watcher's own: it is closed when a signal ends a look.
        plan: what to walk.
        interval: seconds between looks, more or less: watchers of many sites do not come all at once.
        told: who hears of it.
    """

    def __init__(self, sync: Sync, visit: Visit, plan: Plan, interval: float, told: Told) -> None:
        self._journal = sync.journal
        self._shut = sync.shut
        self._visit = visit
        self._plan = plan
        self._interval = interval
        self._every = sync.config.settings.watch_walk
        self._children = [sync.config.tree.repositories[job.repository] for job in plan.jobs]
        self._told = told
        # Not an event: its lock may be held by the very thread that a signal handler interrupts.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._signal = 0
        self._reload = False
        self._name = f"watch {plan.command}"
        self._stable_for = max((sync.config.tree.repositories[job.parent].stable_for for job in plan.jobs), default=0.0)
        self._waiting_for = ""

    def stop(self, signal: int) -> None:
        """End soon, with the state of a run that is under way saved. May be called from a signal handler."""
        self._signal = signal
        self._visit.interrupt(signal)
        self._wake.put(None)

    def reload(self) -> None:
        """End after a run that is under way, to be made anew. May be called from a signal handler."""
        self._reload = True
        self._wake.put(None)

    def run(self, *, once: bool = False) -> int | None:
        """Watch until a signal says otherwise.

        Args:
            once: end after the first run, or when there is nothing to do; wait for an upload that is under way.
                Outside of the hours in which runs may be under way there is nothing to do.

        Returns:
            The exit code of the last run, 0 for none; None when it was asked to reload.

        Raises:
            InterruptedRun: it was asked to stop while no run was under way.
            LockedError: with `once`, another run is at work.
            StateError: the journal cannot be used.
        """
        known = Watching(walked=self._journal.noted(self._name), due=self._due())
        code = 0
        while True:
            if words := self._shut():
                self._say(words)
                if once:
                    return OutsideError.code
                self._rest(_OUTSIDE)
                if self._reload:
                    return None
                continue
            known, step = self._look(known)
            if step.walk:
                known, code = self._walk(known, wait_for_others=not once)
                if signal := self._signal:
                    # The run may have ended well just before: whoever stops a watcher hears that it was stopped.
                    return code or 128 + signal
            if once and (step.walk or known.restless is None):
                return code
            if not step.walk:
                self._pause(step)
            if self._reload and not once:
                return None

    def _due(self) -> float:
        """Return when a walk is due although nothing is new, by the last time that all was well, as it is on record."""
        if not self._every:
            return math.inf
        now = time.time()
        age = max(0.0, now - min(filter(None, self._journal.moments(self._children).values()), default=now))
        return time.monotonic() + max(0.0, self._every - age)

    def _look(self, known: Watching) -> tuple[Watching, Step]:
        try:
            seen = self._glance()
        except InterruptedRun:
            raise
        except SshsyncError as error:
            known, step = watching.unseen(known, time.monotonic(), interval=self._interval)
            return known, replace(step, why=f"{step.why}: {error}")
        now = time.monotonic()
        return watching.looked(known, seen, now, interval=self._interval, stable_for=self._stable_for)

    def _glance(self) -> Look:
        """Look in a thread of its own: hosts may take their time, and signals and beats may not wait for them."""
        with ThreadPoolExecutor(1, "sshsync-watch") as pool:
            seen = pool.submit(self._visit.look, self._plan)
            while not wait([seen], _BEAT).done:
                self._told.beat()
                if self._signal:
                    self._visit.close()
            self._check()
            return seen.result()

    def _walk(self, known: Watching, *, wait_for_others: bool) -> tuple[Watching, int]:
        self._say("")
        try:
            result = self._visit.run(self._plan.names)
        except OutsideError as error:
            return known, error.code
        except LockedError as error:
            if not wait_for_others:
                raise
            self._say(str(error))
            self._rest(self._interval)
            return known, error.code
        self._told.ended(result)
        good = result.exit_code == 0 and not any(job.deferred for job in result.report.jobs)
        now = time.monotonic()
        known = watching.walked(known, good=good, now=now, interval=self._interval, every=self._every)
        if good:
            self._journal.note(self._name, known.walked)
        return known, result.exit_code

    def _pause(self, step: Step) -> None:
        self._say(step.why)
        self._rest(step.wait * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - spreads load, guards nothing

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                self._wake.get(timeout=min(left, _BEAT))
                break
            except queue.Empty:
                self._told.beat()
        self._check()

    def _check(self) -> None:
        if self._signal:
            raise InterruptedRun(self._signal)

    def _say(self, what: str) -> None:
        if what != self._waiting_for:
            self._waiting_for = what
            self._told.waiting(what)
