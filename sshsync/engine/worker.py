"""Carries out orders, in whatever process: what comes back is a value, whatever happened."""

from collections.abc import Mapping

from sshsync.engine.context import Context
from sshsync.engine.flow import Flow
from sshsync.engine.link import Link
from sshsync.engine.scan import Scanner
from sshsync.errors import BlockedError, ConnectionLostError, InterruptedRun, RefusedError, SshsyncError
from sshsync.model.events import Outcome
from sshsync.model.item import Snapshot
from sshsync.model.order import Blocked, Done, Ended, Offer, Order
from sshsync.model.plan import Step


class Worker:
    """Carries out orders, any number at once.

    Args:
        context: the parts of a run, as this process has them.
        flows: what repositories have that are still being synchronized in this process, by their names; of those that
            others follow.
    """

    def __init__(self, context: Context, flows: Mapping[str, Flow] | None = None) -> None:
        self._context = context
        self._flows = flows or {}
        self._scanner = Scanner(context)

    def __call__(self, order: Order) -> Done:
        """Carry out one order. Whatever goes wrong in it touches only it and those behind it."""
        return self._look(order) if order.job.step is Step.LOOK else self._sync(order)

    def _look(self, order: Order) -> Done:
        try:
            offer = self._scanner.offer(self._context.tree.repositories[order.job.repository])
        except Exception as error:  # noqa: BLE001 - isolation: one job's bug must not end the others
            ended, reason = self._ended(order, error)
            return Done(order.job, ended, Blocked(reason, ended.code, ended.transient))
        return Done(order.job, Ended(Outcome.UNCHANGED), offer, len(offer.snapshot.items))

    def _sync(self, order: Order) -> Done:
        with Link(self._context, self._scanner, order, self._flows.get(order.job.repository)) as link:
            try:
                if order.follows:
                    link.follow(self._flows[order.job.parent])
                prepared = link.prepare()
                outcome = link.foretell(prepared) if order.dry_run else link.carry_out(prepared)
            except Exception as error:  # noqa: BLE001 - isolation: one job's bug must not end the others
                ended, reason = self._ended(order, error)
                return Done(order.job, ended, self._offer(link), reason=reason)
            items = len(link.held.items) if isinstance(link.held, Snapshot) else 0
            return Done(order.job, Ended(outcome), self._offer(link), items)

    def _offer(self, link: Link) -> Offer | Blocked | None:
        """Return what the child of a link offers to its own children, as far as that is known."""
        if not isinstance(link.held, Snapshot):
            return link.held
        return Offer(link.held, link.verified, as_of=link.as_of)

    def _ended(self, order: Order, error: Exception) -> tuple[Ended, str]:
        """Return how an order ended that ended in an error, and why."""
        if not isinstance(error, SshsyncError):
            words, hint = (
                f"bug: {type(error).__name__}: {error}",
                "the log has its traceback, or stderr; please report it",
            )
            self._context.crashed(order.job.repository, error)
            error = SshsyncError(words, hint=hint)
        elif self._is_interruption(error):
            why = self._context.asking.stop.why
            return Ended(Outcome.SKIPPED, transient=bool(why)), why
        return Ended(_outcome_of(error), error.code, error.transient), str(error)

    def _is_interruption(self, error: SshsyncError) -> bool:
        """Tell whether an error is only how a signal ended the work: by itself, or by closed connections."""
        causes = (error, error.__cause__)
        if any(isinstance(cause, InterruptedRun) for cause in causes):
            return True
        return bool(self._context.asking.stop.signal) and any(isinstance(one, ConnectionLostError) for one in causes)


def _outcome_of(error: SshsyncError) -> Outcome:
    if isinstance(error, RefusedError):
        return Outcome.REFUSED
    return Outcome.BLOCKED if isinstance(error, BlockedError) else Outcome.FAILED
