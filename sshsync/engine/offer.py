"""What a parent offers to a child: its snapshot, and which of its items may be passed on."""

from dataclasses import replace

from sshsync.core import verify
from sshsync.engine.context import Context
from sshsync.engine.prepared import Ended
from sshsync.engine.scan import Scanner
from sshsync.errors import BlockedError, InterruptedRun, LeasedError, SshsyncError
from sshsync.model.events import GOOD, Remarked
from sshsync.model.item import Key, Snapshot
from sshsync.model.topology import Repository


class Offer:
    """One parent, as one of its children finds it.

    Args:
        ended: how the parent fared in this run; None when it was not to be synchronized.
    """

    def __init__(
        self, context: Context, scanner: Scanner, parent: Repository, child: Repository, ended: Ended | None
    ) -> None:
        self._context = context
        self._scanner = scanner
        self._parent = parent
        self._child = child
        self._ended = ended

    def snapshot(self) -> Snapshot:
        """Return what may be taken from the parent; incomplete where it did not end well, so that nothing is deleted.

        Raises:
            BlockedError: it was not scanned, holds nothing verified, or another controller works on it.
        """
        name = self._parent.name
        try:
            parent = self._scanner.snapshot(name)
        except InterruptedRun:
            raise
        except SshsyncError as error:
            blocked = BlockedError(f"its parent {name} was not scanned: {error}")
            blocked.code, blocked.transient = error.code, error.transient
            raise blocked from error
        if not parent.existed:
            raise BlockedError(f"its parent {name} has no directory {self._parent.path}")
        ended = self._ended
        if ended and ended.outcome not in GOOD:
            leased = ended.code == LeasedError.code
            if leased or not parent.items:
                why = "another controller works on it" if leased else "it holds nothing verified"
                blocked = BlockedError(f"its parent {name} is {ended.outcome}: {why}")
                blocked.code, blocked.transient = ended.code or blocked.code, ended.transient
                raise blocked
            parent = replace(parent, complete=False)
            self._notice(f"{name} is {ended.outcome}: what is verified there is passed on, nothing is deleted")
        return parent

    def held_back(self, parent: Snapshot) -> dict[Key, str]:
        """Items of the parent that are not at the digest recorded when sshsync verified them there."""
        if not self._parent.parent:
            return {}
        vouched = self._scanner.vouched(self._parent.name)
        recorded = {
            **self._context.records.verified(self._parent),
            **{key: item.digest for key, item in parent.items.items() if key in vouched and item.digest},
        }
        unknown = sum(1 for item in parent.items.values() if not verify.has_record(item, recorded))
        if unknown:
            self._notice(f"{unknown} item(s) of {self._parent.name} have no record: its own scan is their origin")
        return verify.may_pass_on(parent, recorded)

    def _notice(self, words: str) -> None:
        self._context.emit(Remarked(self._child.name, words))
