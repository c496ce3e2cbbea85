"""One order after the other, in this thread: the reference."""

from collections import deque

from sshsync.executors.base import Following, Report, Work
from sshsync.model.order import Order


class Serial:
    """See `Executor`."""

    def run(self, following: Following, work: Work, done: Report) -> None:
        """Carry out each order as soon as it is the first that is due."""
        due: deque[Order] = deque()
        while True:
            due.extend(following())
            if not due:
                return
            done(work(due.popleft()))
