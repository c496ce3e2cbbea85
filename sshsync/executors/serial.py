"""One job after the other, in this thread: the reference."""

from sshsync.executors.base import Next, Work


class Serial:
    """See `Executor`."""

    def run(self, following: Next, work: Work) -> None:
        """Run each ready job at once."""
        done: frozenset[str] = frozenset()
        while jobs := following(done, done):
            work(jobs[0])
            done |= {jobs[0].repository}
