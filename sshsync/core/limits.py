"""How long one run may be under way: until its window closes, and no longer than some hours."""

from dataclasses import dataclass

from sshsync.model.hours import ALWAYS, Moment, Times

CLOSED = "the window "
"""How the words begin that tell of a window."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What ends a run.

    Attributes:
        window: when it may be under way.
        seconds: how long, from its beginning; 0 for as long as it takes.
    """

    window: Times = ALWAYS
    seconds: float = 0.0

    def shut(self, at: Moment) -> str:
        """Return in words why nothing begins now, "" when it may."""
        opens = self.window.opens(at)
        return f"outside of the window {self.window}: nothing was begun; it opens {opens}" if opens else ""

    def over(self, spent: float, at: Moment) -> str:
        """Return in words why a run ends now, "" when it goes on.

        Args:
            spent: seconds since it began.
            at: what the clock on the wall shows. What is decided by it needs no date, so no change of the clock to or
                from summer time can be in the way.
        """
        if not self.window.open(at):
            return f"{CLOSED}{self.window} closed"
        return f"max_duration = {_span(self.seconds)} is over" if self.seconds and spent >= self.seconds else ""


def _span(seconds: float) -> str:
    """Return a span of time as a file says it."""
    for unit, letter in ((3600, "h"), (60, "m")):
        if seconds >= unit and not seconds % unit:
            return f"{seconds / unit:.0f}{letter}"
    return f"{seconds:g}s"
