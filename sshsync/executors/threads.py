"""Orders side by side in a bounded number of threads."""

import concurrent.futures
from collections.abc import Callable

from sshsync.executors.base import Following, Report, Work
from sshsync.model.order import Done


class Threads:
    """See `Executor`.

    Args:
        most: orders that are carried out at once.
        tick: called every half second by the waiting thread, so that signals are seen.
    """

    def __init__(self, most: int, tick: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._tick = tick

    def run(self, following: Following, work: Work, done: Report) -> None:
        """Carry out what is due as threads become free."""
        with concurrent.futures.ThreadPoolExecutor(self._most, "sshsync-job") as pool:
            running: set[concurrent.futures.Future[Done]] = set()
            while True:
                running |= {pool.submit(work, order) for order in following()}
                if not running:
                    return
                first = concurrent.futures.FIRST_COMPLETED
                ended, running = concurrent.futures.wait(running, timeout=0.5, return_when=first)
                self._tick()
                for future in ended:
                    done(future.result())
