"""How many bytes a second a link may use, and at what time."""

from dataclasses import dataclass

from sshsync.model.hours import DAY, DAYS, Hours, Moment

_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


@dataclass(frozen=True, slots=True)
class Window:
    """A rate with the hours in which it holds.

    Attributes:
        rate: bytes a second; 0 for no limit.
        days: on which it begins, 0 for Monday.
        start, end: minutes of the day; one that ends before it starts lasts into the next day.
    """

    rate: float
    days: tuple[int, ...] = tuple(range(len(DAYS)))
    start: int = 0
    end: int = DAY

    def holds(self, at: Moment) -> bool:
        """Tell whether it holds at a moment."""
        return self._hours.holds(at)

    def __str__(self) -> str:
        """Return it as a file says it."""
        return f"{self._hours} {rate_text(self.rate)}"

    @property
    def _hours(self) -> Hours:
        return Hours(self.days, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """What a link may use: the first window that holds decides, else `rate`.

    Attributes:
        rate: bytes a second outside of all windows; 0 for no limit.
    """

    rate: float = 0.0
    windows: tuple[Window, ...] = ()

    def at(self, moment: Moment) -> float:
        """Return the bytes a second that are allowed at a moment, 0 for no limit.

        It is a matter of what the clock on the wall shows: an hour that it shows twice counts twice.
        """
        return next((window.rate for window in self.windows if window.holds(moment)), self.rate)

    @property
    def widest(self) -> float:
        """The most bytes a second that are ever allowed, 0 for no limit."""
        rates = [self.rate, *(window.rate for window in self.windows)]
        return 0.0 if 0.0 in rates else max(rates)

    def __bool__(self) -> bool:
        """Tell whether it ever limits anything."""
        return bool(self.rate or any(window.rate for window in self.windows))

    def __str__(self) -> str:
        """Return it as a file says it."""
        rest = [rate_text(self.rate)] if self.rate or not self.windows else []
        return ", ".join([*map(str, self.windows), *rest])


def rate_text(rate: float) -> str:
    """Return a number of bytes a second as a file says it."""
    for unit, letter in _UNITS:
        if rate >= unit:
            return f"{rate / unit:.10g}{letter}"
    return f"{rate:.10g}"
