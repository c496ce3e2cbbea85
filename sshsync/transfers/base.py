"""The seam: a strategy brings the bytes of a batch into the child's staging directory, and nothing more."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from sshsync.core.batch import Batch
from sshsync.hosts.session import Session
from sshsync.model.item import Key
from sshsync.model.topology import Repository

_SLICE = 0.5
"""Seconds that pass at the most before somebody who waits for his turn notices a signal."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a link, ready to talk.

    Attributes:
        source_root, target_root: the resolved roots.
        moved: told of bytes as they go over the wire.
        check: raises when the run has to end.
        complain: takes what a host said about one item; used when that item turns out not to have arrived.
    """

    parent: Repository
    child: Repository
    source: Session
    target: Session
    source_root: bytes
    target_root: bytes
    moved: Callable[[int], None] = lambda _count: None
    check: Callable[[], None] = lambda: None
    complain: Callable[[Key, str], None] = lambda _key, _words: None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn on both connections, always in the same order, so that no two wait for each other.

        There is no deadline: whoever has a turn makes progress or is given up. A signal ends the waiting.
        """
        with ExitStack() as stack:
            for session in sorted({self.source, self.target}, key=id):
                stack.enter_context(held(session.relays, self.check))
            yield


@contextmanager
def held(turns: threading.Semaphore, check: Callable[[], None]) -> Iterator[None]:
    """Hold one of so many turns, however long that takes; `check` is called meanwhile and may raise."""
    while not turns.acquire(timeout=_SLICE):
        check()
    try:
        yield
    finally:
        turns.release()


class Strategy(Protocol):
    """Moves bytes.

    `stage` leaves every file of the batch below ``.sshsync/batch/<id>/`` (or ``.sshsync/part/<part>``) on the
    child, or raises. It never makes a file visible and never trusts what it moved: `engine.moves` verifies.
    Safe to repeat.
    """

    def stage(self, batch: Batch, ends: Ends) -> None:
        """Bring the batch into staging.

        Raises:
            HostError: a host or the way to it failed.
            SourceChangedError: a file was not what the scan saw.
        """
        ...
