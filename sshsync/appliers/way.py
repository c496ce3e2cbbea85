"""How a big file gets onto a child of which it is known what lies there: one decision, for runs and for dry runs."""

from collections.abc import Iterable
from enum import StrEnum

from sshsync.core.chunks import Comparison, Rates, pays
from sshsync.core.pieces import Cut


class Way(StrEnum):
    """What is decided, in words that follow the file's name."""

    COPIED = "copied on the child, nothing sent"
    COMPARED = "compared on both hosts, only what differs is sent"
    SLOWER = "sent as a whole, because comparing takes longer"
    APART = "sent as a whole, because both hosts have nothing in common to compare it by"


def weigh(comparison: Comparison, cuts: Iterable[Cut], rates: Rates) -> Way:
    """Return whether a comparison that has not begun is worth its first look.

    Args:
        cuts: the looks that there are, coarse first; one that is not worth it may be followed by one that is.
    """
    return Way.COMPARED if any(pays(comparison, cut, rates) for cut in cuts) else Way.SLOWER


def measured(rates: Rates) -> str:
    """Tell by which rates it was decided."""
    return f"the link carries {_per_second(rates.link)}, the hosts digest {_per_second(rates.digesting)}"


def reckoned(rates: Rates) -> str:
    """Tell by which rates it is decided as long as nothing was measured."""
    link, digesting = _per_second(rates.link), _per_second(rates.digesting)
    return f"{link} for the link and {digesting} for digests are reckoned with until they are measured"


def found(comparison: Comparison, seconds: float, rates: Rates) -> str:
    """Tell what comparing has brought, and what it took."""
    size, missing = comparison.size, comparison.missing
    there = size - sum(one.length for one in comparison.done) - missing
    if not there:
        rest = "the rest" if comparison.done else "it"
        words = f"compared on both hosts in {seconds:.1f} s: nothing of {rest} is there already, all {missing} bytes"
        return f"{words} are sent: {measured(rates)}"
    took = f"known after {comparison.looks} step(s) in {seconds:.1f} s"
    return f"{Way.COMPARED}: {there} of {size} bytes need not be sent, {took}: {measured(rates)}"


def _per_second(rate: float) -> str:
    digits = 1 if rate < 10e6 else 0
    return f"{rate / 1e6:.{digits}f} MB/s"
