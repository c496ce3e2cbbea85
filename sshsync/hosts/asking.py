"""What is said to the hosts of repositories: over connections of the pool, and tried again as often as they allow."""

from collections.abc import Callable
from dataclasses import dataclass

from sshsync.hosts.conversation import new_token
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop, T, retry
from sshsync.hosts.session import Session
from sshsync.kinds.base import Answer, Dialogue, Learned, Request, Subject
from sshsync.model.events import Emit, Remarked, Retried
from sshsync.model.topology import Repository
from sshsync.remote.probe import Capabilities


@dataclass(frozen=True, slots=True)
class Asking:
    """Speaks to hosts by the repositories that lie there.

    Attributes:
        pool: the connections.
        emit: told of every failed try, and of what a dialogue remarks.
        stop: ends waiting at once.
        clock: the controller's time in seconds since the epoch.
        monotonic: seconds that never jump.
    """

    pool: Pool
    emit: Emit
    stop: Stop
    clock: Callable[[], float]
    monotonic: Callable[[], float]

    def session(self, repository: Repository) -> Session:
        """Return a live session to the repository's host: one try, for use inside an operation given to `retry` only.

        Raises:
            HostError: it cannot be reached or trusted.
        """
        return self.pool.session(repository.host)

    def lane(self, repository: Repository, number: int) -> Session:
        """Return a live session over one of several connections to the repository's host; see `Pool.lane`."""
        return self.pool.lane(repository.host, number)

    def capabilities(self, repository: Repository) -> Capabilities:
        """Return what the repository's host can do; connects, and tries again, as often as its `retries` allow.

        Raises:
            HostError: it cannot be reached or trusted.
        """
        return self.retry(repository, "connect", lambda: self.session(repository).capabilities)

    def retry(
        self,
        repository: Repository,
        step: str,
        operation: Callable[[], T],
        progress: Callable[[], int] = lambda: 0,
        hope: Callable[[], int] = lambda: 0,
    ) -> T:
        """Run a step until it succeeds or trying again makes no sense; each failed try is an event.

        Args:
            repository: whose `retries` count.
            step: its name, for people.
            operation: safe to repeat.
            progress: a number that grows when a try achieved something that is kept.
            hope: one that grows when a try may have done so.

        Raises:
            InterruptedRun: a signal came.
            SshsyncError: the last error, when it is permanent or the tries are used up.
        """

        def notify(attempt: int, reason: str, wait: float) -> None:
            self.emit(Retried(repository.name, step, attempt, reason, round(wait, 1)))

        self.stop.check()
        policy, clock = repository.retries, self.monotonic
        return retry(operation, policy, self.stop, progress=progress, hope=hope, notify=notify, clock=clock)

    def subject(self, repository: Repository) -> Subject:
        """Return what a kind has to know about a repository to ask about it."""
        capabilities = self.capabilities(repository)
        now = int(self.clock() + capabilities.clock)
        wary = not repository.parent and repository.stable_for > 0
        return Subject(repository, capabilities, new_token(), repository.digest, now, wary=wary)

    def converse(
        self,
        subject: Subject,
        dialogue: Dialogue[T],
        learn: Callable[[Subject, Learned], None] = lambda _subject, _learned: None,
        *,
        patient: bool = True,
    ) -> T:
        """Drive a dialogue of a kind to its end: each request is one script, tried again on its own.

        Args:
            subject: what the dialogue is about: the host of its repository is asked.
            dialogue: what to ask, and what to make of the answers.
            learn: takes what is known for good although the dialogue is not over.
            patient: try again what failed; else one try has to do, for use inside an operation given to `retry`.

        Returns:
            What the dialogue found.

        Raises:
            SshsyncError: the host failed, or the dialogue does not believe it.
        """
        try:
            step = next(dialogue)
            while True:
                if isinstance(step, Request):
                    step = dialogue.send(self._ask(subject, step, patient=patient))
                    continue
                if isinstance(step, Learned):
                    learn(subject, step)
                else:
                    self.emit(Remarked(subject.repository.name, step.words))
                step = next(dialogue)
        except StopIteration as end:
            result: T = end.value
            return result

    def _ask(self, subject: Subject, request: Request, *, patient: bool) -> Answer:
        def once() -> Answer:
            session = self.session(subject.repository)
            reply = session.run(
                request.command, request.stdin, allow=request.allow, token=subject.token, reader=request.reader
            )
            return Answer(reply.status, reply.payload, reply.errors)

        return self.retry(subject.repository, request.command.script.name, once) if patient else once()
