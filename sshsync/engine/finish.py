"""What a link does behind everything that was brought: symbolic links, deletions, empty directories."""

from typing import Any

from sshsync.appliers.base import Applier, Reached
from sshsync.core.links import waiting
from sshsync.model.empties import Empties
from sshsync.model.events import Emit, ItemFailed, Outcome, Remarked, key_text
from sshsync.model.links import Link
from sshsync.model.prepared import Prepared
from sshsync.model.words import visible


def finish(emit: Emit, name: str, applier: Applier[Any], prepared: Prepared) -> None:
    """Make links, delete, and make and remove empty directories.

    A link leads to what was brought before, and away from what is deleted after it: nobody follows it to nothing. Only
    one that finds no place before something else is deleted comes then.

    Args:
        name: the child.
    """
    links = _due(emit, name, applier.reached, prepared)
    late = [link for link in links if link.over not in ((), (link.key,))]
    _link(applier, [link for link in links if link not in late])
    _delete(emit, name, applier, prepared)
    _link(applier, late)
    _arrange(applier, prepared)


def _due(emit: Emit, name: str, reached: Reached, prepared: Prepared) -> list[Link]:
    """Return the links that find a place; one that leads to what has not arrived is left for the next run."""
    lacking = [change.key for change in prepared.changes.transfers if change.key not in reached.published]
    waits = waiting(prepared.changes.links, (*lacking, *(problem.key for problem in prepared.changes.blocked)))
    for key, missing in waits.items():
        reason = f"leads to {visible(missing, 120)}, which has not arrived yet"
        emit(ItemFailed(name, key_text(key), reason, Outcome.DEFERRED, 0))
    reached.deferred += len(waits)
    stays = prepared.standing()
    return [link for link in prepared.changes.links if link.key not in waits and link.key not in stays]


def _link(applier: Applier[Any], links: list[Link]) -> None:
    """Make links; what is still in the place of one goes with it, where nothing failed."""
    reached = applier.reached
    ready = [link for link in links if _fine(reached) or reached.deleted.issuperset(link.over)]
    if ready:
        applier.link(ready)


def _delete(emit: Emit, name: str, applier: Applier[Any], prepared: Prepared) -> None:
    """Delete late, and only when nothing else failed: what is missing may be what these items were renamed to."""
    reached = applier.reached
    deletions = [change for change in prepared.deletions if change.key not in reached.deleted]
    if not deletions:
        return
    if not _fine(reached):
        words = f"{len(deletions)} item(s) are not deleted because others failed or are still being written"
        emit(Remarked(name, words))
        return
    applier.delete(deletions)


def _arrange(applier: Applier[Any], prepared: Prepared) -> None:
    """Make and remove empty directories; what may be missing removes none."""
    empties = prepared.empties if _fine(applier.reached) else Empties(prepared.empties.make)
    if empties:
        applier.arrange(empties)


def _fine(reached: Reached) -> bool:
    return not reached.failed and not reached.deferred
