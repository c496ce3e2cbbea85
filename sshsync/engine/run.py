"""One run: jobs become ready, are carried out by an executor, and everything that happens is an event.

This is where a run is led, in one process: it hands out orders, and takes what comes back.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from sshsync.core import fold
from sshsync.core.outcome import behind
from sshsync.core.ready import Ready
from sshsync.engine import preflight
from sshsync.engine.context import Context
from sshsync.engine.flow import Flow
from sshsync.engine.shelf import Shelf
from sshsync.engine.worker import Worker
from sshsync.errors import SshsyncError
from sshsync.executors.base import Executor, Lead
from sshsync.model import events as ev
from sshsync.model.called import UNKNOWN, Called
from sshsync.model.events import GOOD, Outcome
from sshsync.model.order import Blocked, Done, Ended, Offer, Order
from sshsync.model.plan import Job, Plan, Step
from sshsync.model.report import RunReport
from sshsync.model.topology import Repository
from sshsync.model.words import Words
from sshsync.version import VERSION

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator asked for: `run` is the id, `continued` when an unfinished run goes on.

    Attributes:
        offers: what is known of parents that nobody has to look at, by their names.
    """

    run: str
    plan: Plan
    dry_run: bool = False
    continued: bool = False
    called: Called = UNKNOWN
    offers: Mapping[str, Offer] = field(default_factory=dict)


class Run:
    """Carries out a plan."""

    def __init__(self, context: Context, executor: Executor, ready: Ready, asked: Asked) -> None:
        self._context = context
        self._executor = executor
        self._ready = ready
        self._asked = asked
        self._children = Counter(job.parent for job in asked.plan.jobs)
        self._single = {parent for parent, count in self._children.items() if count == 1}
        repositories = context.tree.repositories
        self._shelf = Shelf(repositories, self._place, context.records, self._children, context.part)
        for name, offer in asked.offers.items():
            self._shelf.put(Done(Job(name, "", 0, Step.LOOK), Ended(Outcome.UNCHANGED), offer))
        self._begun: dict[Job, float] = {}
        self._waiting: dict[Job, None] = {}
        self._looks: set[str] = set()
        self._finished: dict[Job, Ended] = {}
        self._planned = frozenset(job.repository for job in asked.plan.jobs)
        self._ordered: set[str] = set()
        self._flows = {job.parent: Flow() for job in asked.plan.jobs if self._follows(job) or self._meanwhile(job)}

    def start(self, report: RunReport, notices: Sequence[ev.Remarked] = ()) -> int:
        """Run to the end.

        Args:
            notices: what an operator should know about this run from its beginning.
            report: the fold of everything emitted so far and from now on; kept up to date by a sink.

        Returns:
            The exit code. A signal ends the run early, with its state saved.
        """
        asked, context = self._asked, self._context
        clock, stop = context.asking.clock, context.asking.stop
        stages = [list(stage) for stage in asked.plan.names]
        manner, narrowed = asked.plan.manner, asked.plan.narrowed
        how = {**asdict(asked.called), "include": list(narrowed.include), "exclude": list(narrowed.exclude)}
        how |= {"like": manner.like, "halt": manner.halt, "back": manner.back, "force": manner.force}
        context.emit(ev.RunStarted(asked.run, clock(), stages, asked.dry_run, asked.continued, VERSION, **how))
        for notice in notices:
            context.emit(notice)

        preflight.greet(context, [context.tree.repositories[name] for name in asked.plan.contacted])
        work = self._ending(Worker(context, self._flows))
        self._executor.run(Lead(self._following, work, self._ending(self._done), context.emit, context.records))
        self._give_up_waiting()

        # Time that is over after all has ended cuts nothing short.
        out_of_time = stop.why if self._left() else ""
        signal = 0 if stop.why else stop.signal
        code = fold.exit_code(report, signal=signal, out_of_time=bool(out_of_time))
        outcome = fold.outcome(report)
        did = fold.totals(report)
        stopped = bool(signal or out_of_time)
        context.emit(ev.RunFinished(asked.run, clock(), outcome, code, stopped, **did, out_of_time=out_of_time))
        return code

    def _left(self) -> bool:
        """Tell whether some job has not come to an end of its own."""
        ended = self._finished
        return any(job not in ended or ended[job].outcome is Outcome.SKIPPED for job in self._asked.plan.jobs)

    def _following(self) -> list[Order]:
        """Return orders for jobs that may start and whose parents have something to offer, or a reason why not.

        A parent that nobody has looked at is looked at first, once, and its only child meanwhile; one that is being
        synchronized is waited for, whatever the policy says.
        """
        if self._context.asking.stop.signal:
            return []
        while fresh := [j for j in self._ready(self._asked.plan, self._begun, self._finished) if j not in self._begun]:
            for job in fresh:
                self._begin(job)
                self._halt(job)

        looks: list[Order] = []
        orders: list[Order] = []
        for job in list(self._waiting):
            offer = self._shelf.offer(job.parent)
            if job.parent in self._ordered and self._shelf.ended(job.parent) is None and self._follows(job):
                self._hand_out(job, orders, Order(self._asked.run, job, follows=True))
                continue
            if job.parent in self._planned and self._shelf.ended(job.parent) is None:
                continue
            if offer is not None:
                self._hand_out(job, orders, Order(self._asked.run, job, offer, self._asked.dry_run))
                continue
            if job.parent not in self._looks:
                self._looks.add(job.parent)
                looks.append(Order(self._asked.run, Job(job.parent, "", job.stage, Step.LOOK)))
            if self._meanwhile(job):
                self._hand_out(job, orders, Order(self._asked.run, job, dry_run=self._asked.dry_run, follows=True))
        # Who waits for a look is begun behind it.
        return looks + orders

    def _meanwhile(self, job: Job) -> bool:
        """Tell whether a job may look at its own repository while its parent is only looked at.

        One of several children would wait in a place that others need, as long as that look lasts.
        """
        return self._executor.together and job.parent not in self._planned and job.parent in self._single

    def _follows(self, job: Job) -> bool:
        """Tell whether a job may take from its parent while that is still being synchronized."""
        able = self._executor.together and not self._asked.dry_run and job.parent in self._planned
        return able and self._context.tree.repositories[job.repository].pipeline

    def _halt(self, job: Job) -> None:
        """End a job that was to begin after a stage that did not end well, where that is asked."""
        if not self._asked.plan.manner.halt:
            return
        earlier = (one for one in self._asked.plan.jobs if one.stage < job.stage and one in self._finished)
        cause = next((one for one in earlier if self._finished[one].outcome not in GOOD), None)
        if cause:
            del self._waiting[job]
            ended = self._finished[cause]
            words = f"{cause.repository} is {ended.outcome}: no stage begins after one that did not end well (--halt)"
            self._finish(job, Ended(Outcome.BLOCKED, ended.code, ended.transient), reason=words)

    def _hand_out(self, job: Job, orders: list[Order], order: Order) -> None:
        del self._waiting[job]
        self._ordered.add(job.repository)
        orders.append(order)

    def _ending(self, deed: Callable[[A], B]) -> Callable[[A], B]:
        """Return a deed that nobody who follows waits for in vain: where it breaks the run off, nothing more comes."""

        def done(what: A) -> B:
            try:
                return deed(what)
            except BaseException:
                for flow in list(self._flows.values()):
                    flow.end(Blocked("the run broke off"))
                raise

        return done

    def _begin(self, job: Job) -> None:
        self._begun[job] = self._context.asking.monotonic()
        self._waiting[job] = None
        words = self._words(job)
        started = ev.RepositoryStarted(job.repository, job.parent, words.one, words.many, words.bring, words.brought)
        self._context.emit(started)

    def _place(self, repository: Repository) -> str:
        return self._context.kind(repository).place.name

    def _words(self, job: Job) -> Words:
        return self._context.kind(self._context.tree.repositories[job.repository]).words

    def _done(self, done: Done) -> None:
        """Take a result; nobody is reported better than the parent whose items it took."""
        if done.job.step is Step.LOOK:
            self._shelf.put(done)
            self._end_flow(done)
            return
        ended, reason = self._behind_parent(done)
        self._shelf.put(Done(done.job, ended, done.offer, done.items, reason))
        self._end_flow(Done(done.job, ended, reason=reason))
        self._children[done.job.parent] -= 1
        if not self._children[done.job.parent]:
            self._shelf.clear(done.job.parent)
            self._flows.pop(done.job.parent, None)
        manner = self._asked.plan.manner
        # Who was made like another than its parent equals no moment of its master.
        whole = ended.outcome in GOOD and not (manner.narrowed or manner.like or manner.back)
        as_of = done.offer.as_of if isinstance(done.offer, Offer) and whole else 0.0
        self._finish(done.job, ended, done.items, as_of, reason)

    def _end_flow(self, done: Done) -> None:
        """Tell those who follow a repository what it offers now."""
        name, ended = done.job.repository, done.ended
        if flow := self._flows.get(name):
            unseen = Blocked(f"its parent {name} was not scanned: {done.reason}", ended.code, ended.transient)
            flow.end(self._shelf.offer(name) or unseen)

    def _behind_parent(self, done: Done) -> tuple[Ended, str]:
        """Return how a job ended in the light of how its parent did, and why; it counts as its cause."""
        job, own = done.job, done.ended
        parent = self._shelf.ended(job.parent)
        outcome = behind(own.outcome, parent.outcome if parent else None)
        if parent is None or outcome is own.outcome:
            return own, done.reason
        if outcome is Outcome.DEFERRED:
            words = f"its parent {job.parent} is deferred: what is left for later there is left here too"
            self._context.emit(ev.Remarked(job.repository, words))
            return Ended(outcome), done.reason
        words = f"its parent {job.parent} is {parent.outcome}: what it lacks is missing here too"
        return Ended(outcome, parent.code, parent.transient), words

    def _give_up_waiting(self) -> None:
        """End jobs that never got an order: after a signal they are skipped, else the policy is wrong."""
        stopped = bool(self._context.asking.stop.signal)
        for job in self._asked.plan.jobs:
            if job in self._finished or (stopped and job not in self._begun):
                continue
            bug = Ended(Outcome.FAILED, SshsyncError.code)
            words = "bug: the policy of this run never let it start, or not the parent that it waited for"
            if job not in self._begun:
                self._begin(job)
            why = self._context.asking.stop.why
            skipped = Ended(Outcome.SKIPPED, transient=bool(why))
            self._finish(job, skipped if stopped else bug, reason=why if stopped else words)

    def _finish(self, job: Job, ended: Ended, items: int = 0, as_of: float = 0.0, reason: str = "") -> None:
        seconds = round(self._context.asking.monotonic() - self._begun[job], 3)
        self._finished[job] = ended
        narrowed = bool(self._asked.plan.narrowed)
        finished = ev.RepositoryFinished(
            job.repository, ended.outcome, seconds, items, as_of, reason, ended.code, ended.transient, narrowed
        )
        self._context.emit(finished)
