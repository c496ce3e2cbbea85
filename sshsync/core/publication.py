"""When what is staged becomes visible."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

S = TypeVar("S")


class Publication(Protocol):
    """Decides what of that which is staged becomes visible together, and when.

    What is not published stays staged: its applier keeps it until it is.
    """

    def __call__(self, staged: Iterable[S], /) -> Iterator[tuple[S, ...]]:
        """Yield groups of what was staged; each is published before the next is asked for."""
        ...


def each(staged: Iterable[S], /) -> Iterator[tuple[S, ...]]:
    """Publish everything as soon as it is verified."""
    for one in staged:
        yield (one,)


def whole(staged: Iterable[S], /) -> Iterator[tuple[S, ...]]:
    """Publish nothing before all is verified."""
    yield tuple(staged)
