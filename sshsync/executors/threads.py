"""Jobs side by side in a bounded number of threads."""

import concurrent.futures
from collections.abc import Callable

from sshsync.executors.base import Next, Work


class Threads:
    """See `Executor`.

    Args:
        most: jobs that run at once.
        tick: called every half second by the waiting thread, so that signals are seen.
    """

    def __init__(self, most: int, tick: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._tick = tick

    def run(self, following: Next, work: Work) -> None:
        """Run ready jobs as threads become free."""
        with concurrent.futures.ThreadPoolExecutor(self._most, "sshsync-job") as pool:
            running: dict[concurrent.futures.Future[None], str] = {}
            started: frozenset[str] = frozenset()
            finished: frozenset[str] = frozenset()
            while True:
                for job in following(started, finished):
                    running[pool.submit(work, job)] = job.repository
                    started |= {job.repository}
                if not running:
                    return
                first = concurrent.futures.FIRST_COMPLETED
                done, _ = concurrent.futures.wait(running, timeout=0.5, return_when=first)
                self._tick()
                for future in done:
                    finished |= {running.pop(future)}
                    future.result()
