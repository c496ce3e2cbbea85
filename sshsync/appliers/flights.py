"""Flights: how many batches are on their way at once, and which of them go alone."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Generic, TypeVar

from sshsync.transfers.base import held
from sshsync.transfers.load import Batch, Pack

T = TypeVar("T")

ABREAST = 3
"""Packs that are on their way at once: while one is sent, the next begins and the last is unpacked, and over a far link
none of them fills the line by itself. It is as many as may have a turn on one connection."""


class Flights:
    """Lets several packs be on their way at once; whatever else is brought goes alone, and so does what failed once.

    So a link that breaks costs several packs once, and one of them from then on until it has arrived. First come, first
    served: who goes alone waits for those before him, and nobody overtakes him.

    Attributes:
        narrow: a host does not open enough channels for several: every batch goes alone.
    """

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(ABREAST)
        self._line = threading.BoundedSemaphore()
        self.narrow = False

    @contextmanager
    def of(self, batch: Batch, check: Callable[[], None], *, again: bool = False) -> Iterator[None]:
        """Wait until a batch may be brought, and have it on its way while the block lasts.

        Args:
            batch: what is brought.
            check: called meanwhile; may raise.
            again: it failed before.
        """
        alone = again or self.narrow or not isinstance(batch.load, Pack)
        with self._slots(ABREAST if alone else 1, check):
            yield

    @contextmanager
    def none(self, check: Callable[[], None]) -> Iterator[None]:
        """Wait until nothing is on its way, and let nothing be as long as the block lasts."""
        with self._slots(ABREAST, check):
            yield

    @contextmanager
    def _slots(self, count: int, check: Callable[[], None]) -> Iterator[None]:
        with ExitStack() as stack:
            with held(self._line, check):
                for _ in range(count):
                    stack.enter_context(held(self._free, check))
            yield


class Shared(Generic[T]):
    """One iterator that several threads take from, each piece by one of them."""

    def __init__(self, source: Iterable[T]) -> None:
        self._source = iter(source)
        self._lock = threading.Lock()

    def __iter__(self) -> Generator[T, None, None]:
        while True:
            with self._lock:
                try:
                    piece = next(self._source)
                except StopIteration:
                    return
            yield piece
