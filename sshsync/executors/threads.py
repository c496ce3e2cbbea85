"""Orders side by side in a bounded number of threads."""

import concurrent.futures
import queue
from collections.abc import Callable

from sshsync.executors.base import Lead
from sshsync.model.order import Done


class Threads:
    """See `Executor`.

    Args:
        most: orders that are carried out at once.
        tick: called every half second, or more often, by the waiting thread, so that signals are seen.
    """

    together = True

    def __init__(self, most: int, tick: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._tick = tick

    def run(self, lead: Lead) -> None:
        """Carry out what is due as threads become free."""
        ended: queue.SimpleQueue[concurrent.futures.Future[Done]] = queue.SimpleQueue()
        running = 0
        with concurrent.futures.ThreadPoolExecutor(self._most, "sshsync-job") as pool:
            while True:
                for order in lead.following():
                    pool.submit(lead.work, order).add_done_callback(ended.put)
                    running += 1
                if not running:
                    return
                try:
                    future = ended.get(timeout=0.5)
                except queue.Empty:
                    self._tick()
                    continue
                self._tick()
                running -= 1
                lead.done(future.result())
