"""Problems: what keeps single items from being handled."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One item that could not be handled, with the reason; never fatal for the others.

    Attributes:
        key: the item, or what it lies below; ``.`` when that cannot be told.
        gone: it was there when something told its name, and is not any more: nothing is missing without it.
    """

    key: bytes
    reason: str
    gone: bool = False

    def within(self, reaches: Callable[[bytes], bool]) -> bool:
        """Tell whether it may concern what takes part, as far as a test of names can tell."""
        return self.key == b"." or reaches(self.key)
