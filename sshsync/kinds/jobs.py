"""Jobs that a host does apart from whoever asked for them; see `programs/jobs.py`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sshsync.errors import CommandError, DeadlineError, LeasedError
from sshsync.kinds.base import Answer, Dialogue, Request, Subject
from sshsync.kinds.installing import Transaction
from sshsync.kinds.packages import answered
from sshsync.model.topology import Repository
from sshsync.model.words import complaint
from sshsync.remote.frame import records
from sshsync.remote.scripts import Status

STALLED = 900
"""Seconds after which nobody waits any longer for a job that neither uses the processor nor writes anything."""
MOST_LOOKS = 20_000
"""Looks of about 4 s after which nobody waits any longer for one job, whatever it does: a day. Whoever looks can be
interrupted only behind a look."""
MOST_TOLD = 1 << 22
"""Bytes that are told of a job: ten thousand packages that come and go, or thousands with words of each."""
CANNOT = "packages cannot be changed there"
_ADVICE = "it goes on there, and the next run waits for it: look what it does, then run again"


class Jobs:
    """The part of an `Installer` that every package manager shares.

    Args:
        tool: what the package manager is called.
        request: what has a host begin a job, or tell of one: of a repository, what to do, and what the host is told.
        lacking: tells in words what is missing where a host could not even be told, "" where it is something else.
    """

    def __init__(
        self,
        tool: str,
        request: Callable[[Repository, str, Mapping[str, Any]], Request],
        lacking: Callable[[Answer, Repository], str],
    ) -> None:
        self._tool = tool
        self._request = request
        self._lacking = lacking

    def keep(self, subject: Subject, transaction: Transaction, run: str, lease: str) -> Dialogue[None]:
        """See `Installer`."""
        yield from self._ask(subject, "keep", {"id": transaction.id, "run": run, "lease": lease})

    def rotate(self, subject: Subject, keep: int, lease: str) -> Dialogue[None]:
        """See `Installer`."""
        yield from self._ask(subject, "rotate", {"keep": keep, "lease": lease})

    def settle(self, subject: Subject) -> Dialogue[None]:
        """See `Installer`."""
        for _ in range(MOST_LOOKS):
            told = yield from self._ask(subject, "settle", {})
            if not told.get("busy"):
                return
            self._stalled(subject.repository, told)
        raise DeadlineError("packages are being changed there for a day", where=subject.repository.name, hint=_ADVICE)

    def clear(self, subject: Subject, lease: str, ids: Collection[str] = ()) -> Dialogue[None]:
        """See `Installer`."""
        for name in ids or ("",):
            yield from self._ask(subject, "clear", {"lease": lease, "id": name})

    def job(self, subject: Subject, mode: str, name: str, asked: Mapping[str, Any]) -> Dialogue[dict[str, Any]]:
        """Have a job begun, or find it, wait for its end, and return what became of it.

        Raises:
            HostError: the host could not begin, or the job is still at work without any sign that it gets on.
            LeasedError: the lease is not ours any more; nothing was begun.
        """
        told = yield from self._ask(subject, mode, {**asked, "id": name})
        for _ in range(MOST_LOOKS):
            if told.get("absent"):
                # Whatever else was at work there has ended.
                yield from self.settle(subject)
                told = yield from self._ask(subject, mode, {**asked, "id": name})
            if not told.get("busy"):
                return told
            self._stalled(subject.repository, told)
            told = yield from self._ask(subject, "wait", {"id": name})
        raise DeadlineError(f"{self._tool} is at work there for a day", where=subject.repository.name, hint=_ADVICE)

    def _ask(self, subject: Subject, mode: str, asked: Mapping[str, Any]) -> Dialogue[dict[str, Any]]:
        repository = subject.repository
        answer = yield self._request(repository, mode, asked)
        if answer.status == Status.LOST:
            raise LeasedError.taken_over(repository.name)
        if answer.status:
            said = self._lacking(answer, repository) or complaint(answer.errors) or f"exit status {answer.status}"
            raise CommandError(f"{CANNOT}: {said}", where=repository.name)
        try:
            return answered(records(answer.payload, subject.token)[0], MOST_TOLD)
        except (ValueError, IndexError) as error:
            raise CommandError(f"what is told of its jobs cannot be true: {error}", where=repository.name) from None

    def _stalled(self, repository: Repository, told: Mapping[str, Any]) -> None:
        """Raise when a job has stood still for too long."""
        quiet = told.get("quiet", 0)
        if isinstance(quiet, int) and quiet > STALLED:
            words = f"{self._tool} is at work there and has done nothing for {quiet // 60} min"
            raise DeadlineError(words, where=repository.name, hint=_ADVICE)


def pairs(told: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """Return words by names, as a host tells them; none where it tells something else."""
    found = told.get(name)
    return {str(key): str(words) for key, words in found.items()} if isinstance(found, dict) else {}


def texts(told: Mapping[str, Any], name: str) -> Sequence[str]:
    """Return texts that a host tells; none where it tells something else."""
    found = told.get(name)
    return [str(one) for one in found] if isinstance(found, list) else ()
