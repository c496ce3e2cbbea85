"""Hours of the week, as clocks on walls show them: an hour that a clock shows twice counts twice."""

from dataclasses import dataclass

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 24 * 60
"""Minutes of a day."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a clock on the wall shows: the day of the week, 0 for Monday, and the minute of the day."""

    day: int
    minute: int

    def after(self, minutes: int) -> "Moment":
        """Return what the clock shows so many minutes later, when nobody sets it."""
        days, minute = divmod(self.minute + minutes, DAY)
        return Moment((self.day + days) % len(DAYS), minute)

    def __str__(self) -> str:
        """Return the time of the day."""
        return f"{self.minute // 60:02}:{self.minute % 60:02}"


@dataclass(frozen=True, slots=True)
class Hours:
    """From one minute of a day to another, on some days.

    Attributes:
        days: on which they begin, 0 for Monday.
        start, end: minutes of the day; what ends before it starts lasts into the next day.
    """

    days: tuple[int, ...] = tuple(range(len(DAYS)))
    start: int = 0
    end: int = DAY

    def holds(self, at: Moment) -> bool:
        """Tell whether a moment is in them."""
        if self.start < self.end:
            return at.day in self.days and self.start <= at.minute < self.end
        today = at.day in self.days and at.minute >= self.start
        return today or ((at.day - 1) % len(DAYS) in self.days and at.minute < self.end)

    def __str__(self) -> str:
        """Return them as a file says it."""
        every = len(self.days) == len(DAYS)
        days = "" if every else DAYS[self.days[0]] + (f"-{DAYS[self.days[-1]]}" if len(self.days) > 1 else "")
        whole = (self.start, self.end) == (0, DAY) and not every
        hours = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.end))
        return " ".join(word for word in (days, "" if whole else hours) if word)


@dataclass(frozen=True, slots=True)
class Times:
    """When something may be: in any of some hours; at any time where there are none."""

    hours: tuple[Hours, ...] = ()

    def open(self, at: Moment) -> bool:
        """Tell whether it may be at a moment."""
        return not self.hours or any(hours.holds(at) for hours in self.hours)

    def opens(self, at: Moment) -> str:
        """Return in words when it may be the next time, "" for now: the time, and the day where that is not today."""
        minutes = next((late for late in range(len(DAYS) * DAY) if self.open(at.after(late))), 0)
        if not minutes:
            return ""
        found = at.after(minutes)
        return f"at {found}" if minutes < DAY else f"on {DAYS[found.day]} at {found}"

    def __bool__(self) -> bool:
        """Tell whether it is ever not."""
        return bool(self.hours)

    def __str__(self) -> str:
        """Return it as a file says it."""
        return ", ".join(map(str, self.hours))


ALWAYS = Times()
"""At any time."""
