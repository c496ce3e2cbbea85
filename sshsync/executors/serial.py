"""One order after the other, in this thread: the reference."""

from collections import deque

from sshsync.executors.base import Lead
from sshsync.model.order import Order


class Serial:
    """See `Executor`."""

    together = True

    def run(self, lead: Lead) -> None:
        """Carry out each order as soon as it is the first that is due."""
        due: deque[Order] = deque()
        while True:
            due.extend(lead.following())
            if not due:
                return
            lead.done(lead.work(due.popleft()))
