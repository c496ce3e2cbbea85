"""Again: why items did not arrive as they should, and which of them are tried once more."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sshsync.appliers.base import Site
from sshsync.appliers.ledger import PARTIAL, Ledger
from sshsync.appliers.looks import Looks
from sshsync.core import verify
from sshsync.errors import IntegrityError
from sshsync.model.change import Transfer
from sshsync.model.events import Outcome
from sshsync.model.item import Key
from sshsync.model.row import Digest
from sshsync.transfers.load import Batch, halves


class Again:
    """Counts the tries of one link's items.

    Args:
        site: the link.
        source_root: the parent's resolved root.
        looks: how the parent is looked at.
        ledger: told of what is given up.
        complaints: what hosts said about items that did not arrive.
        restless: takes items of a master that have to be left alone for a while first.
        saved: tells how many bytes of an item were copied on the child instead of sent.
    """

    def __init__(  # noqa: PLR0913 - what a decision needs
        self,
        site: Site,
        source_root: bytes,
        looks: Looks,
        ledger: Ledger,
        *,
        complaints: dict[Key, str],
        restless: list[Transfer],
        saved: Callable[[Transfer], int],
    ) -> None:
        self._parent = site.parent
        self._child = site.child
        self._source_root = source_root
        self._looks = looks
        self._ledger = ledger
        self._complaints = complaints
        self._restless = restless
        self._saved = saved
        self._wary = not site.parent.parent and site.parent.stable_for > 0
        self._tries: Counter[tuple[Key, str]] = Counter()

    def reconsider(self, found: dict[Transfer, Digest | None], batch: Batch, reason: str) -> list[Batch]:
        """Find out why items are wrong, and decide which are tried again.

        A file that changed on the master is planned anew with its new digest, a few times; where it has to be left
        alone for a while first, it is put aside. One that did not change was corrupted on the way and is sent again,
        less often. When a whole batch broke off because of some files, the others are innocent: they go again
        together without those; where it cannot be told which files did it, they go in halves until it can.
        """
        seen = self._looks.look_again(self._parent, self._source_root, [change.key for change in found])
        same: list[Transfer] = []
        changed: list[Transfer] = []
        culprits = 0
        for change, digest in found.items():
            fresh = seen.items.get(change.key)
            if fresh and fresh.digest == change.new.digest:
                same.append(change)
                self._complaints.setdefault(change.key, _why(digest, reason))
                continue
            culprits += 1
            if fresh is None:
                self._ledger.fail(change.key, f"it vanished on {self._parent.name}")
            elif self._wary:
                self._restless.append(change)
            elif self._may_follow(change.key):
                changed.append(replace(change, new=fresh))
        again = [batch.only(changed)] if changed else []
        if reason and same and culprits:
            return [*again, batch.only(same)]
        if reason and len(same) > 1:
            return [*halves(batch.only(same))]
        kept = tuple(change for change in same if self._may_repeat(change, found[change], reason))
        return [*again, batch.only(kept)] if kept else again

    def _may_follow(self, key: Key) -> bool:
        """Tell whether an item that changed on the parent is taken as it is now."""
        if self._parent.parent:
            self._ledger.fail(key, verify.unlike_its_record(self._parent.name), Outcome.BLOCKED)
            return False
        self._tries[key, "changed"] += 1
        if self._tries[key, "changed"] >= self._child.retries.changed:
            self._ledger.fail(key, "still being written", Outcome.DEFERRED, 0)
            return False
        return True

    def _may_repeat(self, change: Transfer, digest: Digest | None, reason: str) -> bool:
        if self._saved(change):
            # Something was copied that is not what was said of it: nothing need have been corrupted on the way.
            return True
        self._tries[change.key, "corrupt"] += 1
        if self._tries[change.key, "corrupt"] < self._child.retries.corrupt:
            return True
        words = self._complaints.get(change.key) or _why(digest, reason)
        self._ledger.fail(change.key, words, code=IntegrityError.code if digest else PARTIAL)
        return False


def _why(digest: Digest | None, reason: str) -> str:
    if reason:
        return reason
    return (
        f"arrived as {digest}, which is not the origin's digest"
        if digest
        else "did not arrive, or no digest of it can be made there"
    )
