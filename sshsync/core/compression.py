"""Whether compressing brings bytes sooner: by what the link carried, and by what a sample of them became."""

from dataclasses import dataclass

SHRUNK = 0.9
"""What of a sample may be left over, so that compressing is worth the trouble."""

SAMPLE = 1 << 20
"""Bytes of a sample."""

SHARE = 0.5
"""How much slower than a sample is compressed the slowest of all that take part is taken to be: hosts may have slower
processors, and the controller works for both legs."""

GAIN = 1.1
"""How many times as fast it has to become: what is only just faster is not worth the processors of others."""

TELLING, SECONDS = 16 << 20, 2.0
"""Bytes that have to go over a link, or the seconds that they have to take, before they tell how fast it is: any way
begins slowly."""

FIRST = 4 << 20
"""Bytes that go as they are before anything is known; four times as many after that."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of some bytes: how many they were, how many are left, and the seconds that it took."""

    raw: int = 0
    left: int = 0
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether it is big enough to tell."""
        return self.raw >= SAMPLE

    @property
    def ratio(self) -> float:
        """What is left of a byte."""
        return self.left / self.raw if self.raw else 1.0

    @property
    def rate(self) -> float:
        """Bytes a second that were compressed."""
        return self.raw / max(self.seconds, 1e-6)


@dataclass(frozen=True, slots=True)
class Moved:
    """Bytes of files that went over a link, and the seconds that it took."""

    count: int = 0
    seconds: float = 0.0

    @property
    def telling(self) -> bool:
        """Whether it tells how fast the link is."""
        return self.count >= TELLING or (self.seconds >= SECONDS and self.count > 0)

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.count / max(self.seconds, 1e-6)


def pays(plain: Moved, compressed: Moved, sample: Sample) -> bool | None:
    """Tell whether compressing brings bytes sooner; None as long as that is not known.

    Args:
        plain, compressed: what went over the link as it is, and compressed.
        sample: of what is to be brought.
    """
    if sample.whole and sample.ratio > SHRUNK:
        return False
    if not (sample.whole and plain.telling):
        return None
    if compressed.telling and compressed.rate < plain.rate:
        return False
    return min(sample.rate * SHARE, plain.rate / max(sample.ratio, 1e-6)) > plain.rate * GAIN


def more(asked: int) -> int:
    """Return how many bytes go as they are before it is asked again, after it was asked so often."""
    return FIRST << 2 * min(asked, 8)
