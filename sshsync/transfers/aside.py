"""Aside: bytes that a program on the child fetches past the controller: what it is told, and how it is watched."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sshsync.errors import ConnectionLostError, DeadlineError, HostError
from sshsync.hosts.conversation import Conversation, new_token
from sshsync.model.topology import Repository
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, held

QUIET = 60.0
"""Seconds beyond the child's timeout in which the files of a program that says nothing need not change."""

_SLICE = 0.5
"""Seconds that pass at the most before a signal is noticed."""


def variables_of(ends: Ends) -> dict[str, bytes]:
    """Return what a program on the child has to know of both ends: REMOTE… is the parent."""
    parent, child = ends.parent, ends.child
    words = {
        "REMOTEHOST": parent.peer_host,
        "REMOTEPORT": str(parent.peer_port),
        "REMOTEUSER": parent.peer_user,
        "LOCALHOST": child.host.address,
        "LOCALUSER": child.host.login.user,
    }
    made = {name: value.encode() for name, value in words.items()}
    return {**made, "REMOTEDIR": ends.source_root, "ROOT": ends.target_root}


class Turns:
    """Turns at each parent, over all its children: sshd drops who comes beyond a number (MaxStartups).

    Args:
        most: who may ask one parent at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parents: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()

    @contextmanager
    def at(self, parent: Repository, check: Callable[[], None]) -> Iterator[None]:
        """Hold a turn, however long that takes to get; `check` is called meanwhile and may raise."""
        with self._lock:
            turns = self._parents.setdefault(parent.name, threading.BoundedSemaphore(self._most))
        with held(turns, check):
            yield


class Growth:
    """Watches whether a program does anything: its files in staging change, or it answers.

    Args:
        below: where its files are, relative to the child's root.
        ends: whose target is asked.
        answered: bytes of its answer so far.
    """

    def __init__(self, below: bytes, ends: Ends, answered: Callable[[], int]) -> None:
        self._ends = ends
        self._answered = answered
        self._token = new_token()
        words = ends.target.capabilities.stat_words(self._token)
        self._command = Command(scripts.BELOW, {"ROOT": ends.target_root, "BELOW": below, **words})
        self._seen: tuple[int, bytes] = (0, b"")
        self._since = time.monotonic()

    def still(self) -> float:
        """Look, and return the seconds since anything was seen to change."""
        now = (self._answered(), self._listed())
        if now != self._seen:
            self._seen, self._since = now, time.monotonic()
        return time.monotonic() - self._since

    def _listed(self) -> bytes:
        """Return size and times of all files, as the child prints them; what was seen last when it does not.

        A child that allows one channel at a time tells nothing: there, only the longest silence is a limit.
        """
        target = self._ends.target
        try:
            return target.run(self._command, token=self._token).payload
        except HostError as error:
            if isinstance(error, ConnectionLostError) and target.alive:
                self._since = time.monotonic()
            return self._seen[1]


@contextmanager
def watched(conversation: Conversation, ends: Ends, below: bytes, *, quiet: float, still: str) -> Iterator[None]:
    """Watch a program from a thread of its own while its answer is waited for in the block.

    It says little while it works, and nobody knows how fast it should be: nothing is given up as long as its files in
    staging change, or it answers.

    Args:
        conversation: the program; it is abandoned when it is given up, or when the run has to end.
        ends: both hosts.
        below: where its files are, relative to the child's root.
        quiet: seconds beyond the child's timeout in which nothing need change.
        still: what to say when it is given up; ``{}`` stands for the seconds.

    Raises:
        DeadlineError: nothing changed for too long.
        SshsyncError: whatever `Ends.check` raises.
    """
    watch = _Watch(conversation, ends, Growth(below, ends, lambda: conversation.received), quiet, still)
    thread = threading.Thread(target=watch.run, name="sshsync-aside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.ended.set()
        thread.join()
        if watch.error:
            raise watch.error
    ends.check()


class _Watch:
    """See `watched`."""

    def __init__(self, conversation: Conversation, ends: Ends, growth: Growth, quiet: float, still: str) -> None:
        self._conversation = conversation
        self._ends = ends
        self._growth = growth
        self._quiet = ends.target.timeout + quiet
        self._still = still
        self.ended = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Look now and then, until the program has ended or is given up."""
        try:
            self._look()
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
            self.error = error
            self._conversation.abandon()

    def _look(self) -> None:
        each = self._ends.target.timeout / 3
        next_look = time.monotonic() + each
        while not self.ended.wait(min(_SLICE, each)):
            self._ends.check()
            if time.monotonic() < next_look:
                continue
            if self._growth.still() > self._quiet:
                raise DeadlineError(
                    self._still.format(f"{self._quiet:.0f} s"),
                    where=self._ends.child.name,
                    hint="does it wait for something? timeout = is how long it may rest",
                )
            next_look = time.monotonic() + each
