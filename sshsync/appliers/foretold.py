"""What a dry run tells of big files: how each would get there, as far as that is known without reading any of them."""

from collections.abc import Iterator, Mapping

from sshsync.appliers import way
from sshsync.appliers.deltas import Held, begun, rates_for
from sshsync.appliers.reuse import twins
from sshsync.appliers.way import Way
from sshsync.core.chunks import Rates
from sshsync.kinds.chunks import Means
from sshsync.model.change import Transfer
from sshsync.model.item import Item, Key
from sshsync.model.prepared import Prepared
from sshsync.model.words import visible
from sshsync.transfers.load import SMALL

NAMED = 5
"""Files of which each is told by its name, by what is decided; the others are counted."""


def foretold(prepared: Prepared, means: Means | None, limit: float, round_trip: float) -> Iterator[str]:
    """Yield what is decided about the files that a child has something of, in words as a run has them.

    Args:
        means: what both hosts can compare files by.
        limit: bytes a second that the link may carry now; 0 for any.
        round_trip: seconds that a question takes.
    """
    rates = rates_for(means, limit, round_trip) if means else None
    held = Held(prepared.child.items, {})
    decided: dict[Way, list[Transfer]] = {}
    for change in prepared.changes.transfers:
        if change.size >= SMALL and (one := _way(change, prepared.child.items, held, means, rates)):
            decided.setdefault(one, []).append(change)
    for one in Way:
        changes = decided.get(one, [])
        why = f": {way.reckoned(rates)}" if rates and one in (Way.COMPARED, Way.SLOWER) else ""
        yield from (f"{visible(change.key, 200)}: {one}{why}" for change in changes[:NAMED])
        if len(changes) > NAMED:
            yield f"{len(changes) - NAMED} more big file(s): {one}{why}"
    yield from alike(len(twins(prepared.changes.transfers, prepared.child.items)))


def alike(count: int) -> Iterator[str]:
    """Yield what is decided about so many small files whose content the child has."""
    if count:
        yield f"{count} small file(s): {Way.COPIED}"


def _way(
    change: Transfer, there: Mapping[Key, Item], held: Held, means: Means | None, rates: Rates | None
) -> Way | None:
    """Return how a big file gets there; None where the child has nothing of it."""
    if held.twin(change.new) is not None:
        return Way.COPIED
    others = held.others(change)
    if not others:
        return None
    if means is None or rates is None:
        return Way.APART
    comparison, cuts = begun(change.size, {key: there[key].size for key in others}, (), means)
    return way.weigh(comparison, cuts, rates)
