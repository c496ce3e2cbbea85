"""One run: jobs become ready, are carried out by an executor, and everything that happens is an event."""

from collections.abc import Sequence
from dataclasses import dataclass

from sshsync.core import fold
from sshsync.core.outcome import behind
from sshsync.core.ready import Ready
from sshsync.engine import preflight
from sshsync.engine.context import Context
from sshsync.engine.link import Link
from sshsync.engine.prepared import Ended
from sshsync.engine.scan import Scanner
from sshsync.errors import BlockedError, ConnectionLostError, InterruptedRun, RefusedError, SshsyncError
from sshsync.executors.base import Executor
from sshsync.model import events as ev
from sshsync.model.events import GOOD, Outcome
from sshsync.model.plan import Job, Plan
from sshsync.model.report import RunReport
from sshsync.model.topology import Repository
from sshsync.version import VERSION


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator asked for: `run` is the id, `continued` when an unfinished run goes on."""

    run: str
    plan: Plan
    dry_run: bool = False
    continued: bool = False


class Run:
    """Carries out a plan."""

    def __init__(self, context: Context, executor: Executor, ready: Ready, asked: Asked) -> None:
        self._context = context
        self._executor = executor
        self._ready = ready
        self._asked = asked
        self._scanner = Scanner(context)
        self._ended: dict[str, Ended] = {}
        self._moments: dict[str, float] = {}

    def start(self, report: RunReport, notices: Sequence[ev.Remarked] = ()) -> int:
        """Run to the end.

        Args:
            notices: what an operator should know about this run from its beginning.
            report: the fold of everything emitted so far and from now on; kept up to date by a sink.

        Returns:
            The exit code. A signal ends the run early, with its state saved.
        """
        asked, context = self._asked, self._context
        stages = [list(stage) for stage in asked.plan.names]
        context.emit(ev.RunStarted(asked.run, context.clock(), stages, asked.dry_run, asked.continued, VERSION))
        for notice in notices:
            context.emit(notice)
        preflight.greet(context, self._contacted())
        self._executor.run(self._next, self._work)
        signal = context.stop.signal
        code = fold.exit_code(report, signal=signal)
        outcome = fold.outcome(report)
        context.emit(ev.RunFinished(asked.run, context.clock(), outcome, code, interrupted=bool(signal)))
        return code

    def _contacted(self) -> list[Repository]:
        """Return every repository that the plan speaks to, once."""
        names = dict.fromkeys(name for job in self._asked.plan.jobs for name in (job.parent, job.repository))
        return [self._context.tree.repositories[name] for name in names]

    def _next(self, started: frozenset[str], finished: frozenset[str]) -> tuple[Job, ...]:
        if self._context.stop.signal:
            return ()
        return self._ready(self._asked.plan, started, finished)

    def _work(self, job: Job) -> None:
        """Carry out one job. Whatever goes wrong in it touches only it and those behind it."""
        context = self._context
        begun = context.monotonic()
        context.emit(ev.RepositoryStarted(job.repository, job.parent))
        items = 0
        error: SshsyncError | None = None
        try:
            outcome, items = self._link(job)
        except SshsyncError as failed:
            cut = self._is_interruption(failed)
            outcome, error = (Outcome.SKIPPED, None) if cut else (_outcome_of(failed), failed)
        except Exception as bug:  # noqa: BLE001 - isolation: one job's bug must not end the others
            words, hint = f"bug: {type(bug).__name__}: {bug}", "the log has its traceback, or stderr; please report it"
            outcome, error = Outcome.FAILED, SshsyncError(words, hint=hint)
            context.crashed(job.repository, bug)
        ended = Ended(outcome, error.code if error else 0, bool(error and error.transient))
        ended, reason = self._behind_parent(job, ended, str(error) if error else "")

        as_of = self._as_of(job) if ended.outcome in GOOD else 0.0
        self._ended[job.repository], self._moments[job.repository] = ended, as_of
        seconds = round(context.monotonic() - begun, 3)
        context.emit(
            ev.RepositoryFinished(
                job.repository, ended.outcome, seconds, items, as_of, reason, ended.code, ended.transient
            )
        )

    def _behind_parent(self, job: Job, own: Ended, reason: str) -> tuple[Ended, str]:
        """Return how a job ended in the light of how its parent did, and why; it counts as its cause."""
        parent = self._ended.get(job.parent)
        outcome = behind(own.outcome, parent.outcome if parent else None)
        if parent is None or outcome is own.outcome:
            return own, reason
        if outcome is Outcome.DEFERRED:
            words = f"its parent {job.parent} lacks files that are still being written: they are missing here too"
            self._context.emit(ev.Remarked(job.repository, words))
            return Ended(outcome), reason
        words = f"its parent {job.parent} is {parent.outcome}: what it lacks is missing here too"
        return Ended(outcome, parent.code, parent.transient), words

    def _is_interruption(self, error: SshsyncError) -> bool:
        """Tell whether an error is only how a signal ended the work: by itself, or by closed connections."""
        causes = (error, error.__cause__)
        if any(isinstance(cause, InterruptedRun) for cause in causes):
            return True
        return bool(self._context.stop.signal) and any(isinstance(cause, ConnectionLostError) for cause in causes)

    def _as_of(self, job: Job) -> float:
        """Return the moment of the master's state that a success of this job brings to the repository.

        That is when the master was scanned; for a parent that this run did not synchronize, when it was last
        known to equal its master.
        """
        parent = self._context.tree.repositories[job.parent]
        if parent.name in self._ended:
            return self._moments[parent.name]
        known = self._context.records.in_sync(parent) if parent.parent else 0.0
        return known or self._scanner.as_of(parent.name)

    def _link(self, job: Job) -> tuple[Outcome, int]:
        with Link(self._context, self._scanner, job, self._ended.get(job.parent)) as link:
            prepared = link.prepare(dry_run=self._asked.dry_run)
            if not self._asked.dry_run:
                return link.carry_out(prepared)

            if prepared.refusal:
                raise RefusedError(prepared.refusal)
            # The next stage is planned as if this one had been carried out.
            self._scanner.put(prepared.expected(), frozenset(prepared.parent.items))
            if link.blocked(prepared.changes):
                return Outcome.PARTIAL, len(prepared.child.items)
            return Outcome.DONE if prepared.changes.changes else Outcome.UNCHANGED, len(prepared.child.items)


def _outcome_of(error: SshsyncError) -> Outcome:
    if isinstance(error, RefusedError):
        return Outcome.REFUSED
    return Outcome.BLOCKED if isinstance(error, BlockedError) else Outcome.FAILED
