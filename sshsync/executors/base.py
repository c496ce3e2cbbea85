"""The seam: an executor carries out orders as they become due. It knows orders and results, not hosts.

Orders, results and events are plain values that survive pickling. So an executor may have orders carried out in other
processes or on other machines, by an `engine.worker.Worker` of that place, as long as it brings back what happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sshsync.model.events import Emit
from sshsync.model.order import Done, Order
from sshsync.model.records import Records


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a run is led, as its executor sees it.

    Attributes:
        following: gives each order once, when it is due; asked again whenever one is done, by one thread only.
        work: carries out one order in this process, in any thread; never raises for what goes wrong in it.
        done: takes the result of each order, one at a time, by the thread that asks for what follows.
        emit: takes events of workers elsewhere; what is on record stays true only if it has an event before that
            worker goes on.
        records: answers for workers elsewhere, under the same condition.
    """

    following: Callable[[], Sequence[Order]]
    work: Callable[[Order], Done]
    done: Callable[[Done], None]
    emit: Emit
    records: Records


class Executor(Protocol):
    """Carries out orders until none is under way and none is due.

    Attributes:
        together: all of it happens in this process, and orders are begun in the order in which they were given: only
            then may one of them wait for an earlier one.
    """

    @property
    def together(self) -> bool: ...  # noqa: D102

    def run(self, lead: Lead) -> None:
        """Carry out all orders. Any executor gives the same report: what comes first is the business of the lead."""
        ...
