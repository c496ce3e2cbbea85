"""Ahead: the next pieces of work are done while the last one is used."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Generic, TypeVar

T = TypeVar("T")


def ahead(
    works: Sequence[Generator[T, None, None]],
    room: int,
    cancel: Callable[[], None] = lambda: None,
    within: float | None = None,
    linger: float = 0.0,
) -> Generator[tuple[T, ...], None, None]:
    """Yield what generators give, as it comes, while each runs in a thread of its own: each time all that is ready.

    Close it, or use it up, before anything goes on without it: that waits until the threads have ended.

    Args:
        works: each is run to its end, or closed, in its thread; where one fails, the others give what they are at.
        room: pieces that wait at the most; then the work does.
        cancel: called when what is yielded is wanted no more: whatever the work waits for should end soon.
        within: seconds after which nothing is yielded where nothing became ready, so that whoever takes what is ready
            can look at something else; None for never.
        linger: seconds for which what is ready waits for more while the works still run: what is taken together costs
            less.

    Raises:
        BaseException: whatever the works raised first, after all that they gave.
    """
    ready = _Ready[T](room, len(works))
    threads = [threading.Thread(target=ready.fill, args=(work,), name="sshsync-ahead", daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        while (pieces := ready.take(within, linger)) or not ready.used_up:
            yield pieces
    finally:
        if ready.close():
            cancel()
        for thread in threads:
            thread.join()


class _Ready(Generic[T]):
    """What is ready, between those who make it and the one who takes it."""

    def __init__(self, room: int, running: int) -> None:
        self._room = room
        self._running = running
        self._pieces: deque[T] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._closed = False

    def fill(self, work: Generator[T, None, None]) -> None:
        """Run the work to its end, or until nobody wants more."""
        try:
            with closing(work):
                for piece in work:
                    if not self._put(piece):
                        break
        except BaseException as error:  # noqa: BLE001 - raised again where the pieces are taken
            self._error = self._error or error
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @property
    def used_up(self) -> bool:
        """Whether there is nothing more to take."""
        with self._changed:
            return not self._running and not self._pieces

    def take(self, within: float | None = None, linger: float = 0.0) -> tuple[T, ...]:
        """Wait for pieces and return all that are ready; none at the end, or when none came within so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or not self._running, within)
            if self._pieces and linger:
                self._changed.wait_for(lambda: len(self._pieces) >= self._room or not self._running, linger)
            pieces = tuple(self._pieces)
            self._pieces.clear()
            self._changed.notify_all()
            if not pieces and not self._running and self._error:
                raise self._error
        return pieces

    def close(self) -> bool:
        """Want no more pieces; tell whether any work still runs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return bool(self._running)

    def _put(self, piece: T) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: len(self._pieces) < self._room or self._closed)
            self._pieces.append(piece)
            self._changed.notify_all()
            return not self._closed and not self._error
