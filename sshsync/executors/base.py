"""The seam: an executor carries out orders as they become due. It knows orders and results, not hosts.

Orders and results are plain values that survive pickling, so an executor may send them to other processes or machines,
where an `engine.worker.Worker` of that place carries them out.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from sshsync.model.order import Done, Order

Following = Callable[[], Sequence[Order]]
"""Gives each order once, when it is due; asked again whenever one is done."""

Work = Callable[[Order], Done]
"""Carries out one order; never raises for what goes wrong in it."""

Report = Callable[[Done], None]
"""Takes the result of each order, one at a time, before what follows is asked for again."""


class Executor(Protocol):
    """Carries out orders until none is under way and none is due."""

    def run(self, following: Following, work: Work, done: Report) -> None:
        """Carry out all orders. `following` and `done` are called in this thread; `work` anywhere.

        Any executor gives the same report: what comes first is the business of `following`.
        """
        ...
