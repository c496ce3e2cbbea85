"""What a parent may offer to its children, in the light of how it ended itself."""

from dataclasses import replace

from sshsync.errors import LeasedError
from sshsync.model.events import GOOD
from sshsync.model.order import Blocked, Ended, Offer
from sshsync.model.topology import Repository


def offered(parent: Repository, place: str, offer: Offer | Blocked, ended: Ended | None) -> Offer | Blocked:
    """Return what children may take from a parent.

    Args:
        parent: the repository.
        place: what holds its items, in a word of its kind.
        offer: what it holds, or why nobody knows.
        ended: how it fared in this run; None when it was not to be synchronized.

    Returns:
        The offer, incomplete where the parent did not end well, so that nothing is deleted because of it; or why there
        is none: it was not scanned, holds nothing verified, or another controller works on it.
    """
    name = parent.name
    if isinstance(offer, Blocked):
        return replace(offer, reason=f"its parent {name} was not scanned: {offer.reason}")
    if not offer.snapshot.existed:
        return Blocked(f"its parent {name} has no {place} {parent.path}".rstrip())
    if ended is None or ended.outcome in GOOD:
        return offer

    leased = ended.code == LeasedError.code
    if leased or not offer.snapshot.items:
        why = "another controller works on it" if leased else "it holds nothing verified"
        return Blocked(f"its parent {name} is {ended.outcome}: {why}", ended.code, ended.transient)
    remark = f"{name} is {ended.outcome}: what is verified there is passed on, nothing is deleted"
    return replace(offer, snapshot=replace(offer.snapshot, complete=False), remark=remark)
