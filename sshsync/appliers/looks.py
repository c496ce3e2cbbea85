"""Looks at files while they are moved: what lies in staging, and what became of them on the master."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sshsync.core import verify
from sshsync.core.pieces import Piece
from sshsync.hosts.asking import Asking
from sshsync.kinds.chunks import Means, Question
from sshsync.kinds.files import Files
from sshsync.model.events import Waiting
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.row import Digest
from sshsync.model.topology import Repository


@dataclass(slots=True)
class _Settling:
    """The one wait for a master; `lock` is held while it lasts: who takes no young file does not ask."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    settled: Snapshot | None = None


class Looks:
    """Looks for all links of a run that one process carries out.

    Args:
        asking: how hosts are spoken to.
        files: what items are.
    """

    def __init__(self, asking: Asking, files: Files) -> None:
        self._asking = asking
        self._files = files
        self._settling: dict[str, _Settling] = {}
        self._lock = threading.Lock()

    def look(self, repository: Repository, root: bytes, keys: list[Key]) -> Snapshot:
        """Return the present state of some items, without digests."""
        subject = self._asking.subject(repository)
        return self._asking.converse(subject, self._files.look(subject, root, keys))

    def look_again(self, repository: Repository, root: bytes, keys: list[Key]) -> Snapshot:
        """Return the present state of some items, digested afresh.

        Those of a master with `stable_for` that changed while they were digested are `restless` in the answer.
        """
        subject = self._asking.subject(repository)
        return self._asking.converse(subject, self._files.look_again(subject, root, keys))

    def digests(
        self, repository: Repository, root: bytes, below: bytes, sizes: Mapping[Key, int]
    ) -> dict[Key, Digest | None]:
        """Return the digests of files that lie below the root, in staging or in place."""
        subject = self._asking.subject(repository)
        return self._asking.converse(subject, self._files.digests(subject, root, below, sizes))

    def cuts(
        self,
        repository: Repository,
        root: bytes,
        below: bytes,
        asked: Sequence[Question],
        means: Means,
        *,
        patient: bool = True,
    ) -> list[tuple[Piece, ...]]:
        """Return the pieces of each range; see `kinds.chunks.ask`, and `Asking.converse`."""
        subject = self._asking.subject(repository)
        dialogue = self._files.chunks(subject, root, below, asked, means)
        return self._asking.converse(subject, dialogue, patient=patient)

    def still(self, repository: Repository, root: bytes, items: Iterable[Item]) -> set[Key]:
        """Return the keys of those items that are not as they were when they were scanned: changed, or gone.

        Costs one request, and none when there are no items; nothing is read.
        """
        known = {item.key: item for item in items}
        now = self.look(repository, root, list(known)).items if known else {}
        return {key for key, item in known.items() if not verify.settled(item, now.get(key))}

    def settle(self, repository: Repository, snapshot: Snapshot, restless: Collection[Key] = ()) -> Snapshot:
        """Wait until young files of a master had their time, and look at them again; once for all links here.

        Args:
            repository: the master.
            snapshot: its scan.
            restless: items that were seen to change after the scan. They join the wait when it has not begun.

        Returns:
            The young items as they are now, digested afresh; one that was written to meanwhile, or that came too
            late, is left out.

        Raises:
            SshsyncError: the master cannot be looked at.
        """
        with self._lock:
            settling = self._settling.setdefault(repository.name, _Settling())
        with settling.lock:
            if settling.settled is None:
                keys = dict.fromkeys((*verify.young(snapshot, repository.stable_for), *restless))
                settling.settled = self._settled(repository, snapshot, list(keys))
            return settling.settled

    def _settled(self, repository: Repository, snapshot: Snapshot, keys: list[Key]) -> Snapshot:
        before = self.look(repository, snapshot.root, keys)
        wait = verify.rest(snapshot, before, repository.stable_for)
        if wait:
            why = f"{len(before.items)} file(s) were written just now"
            self._asking.emit(Waiting(repository.name, round(wait, 1), why))
            self._asking.stop.sleep(wait)

        after = self.look_again(repository, snapshot.root, list(before.items))
        quiet = {
            key: item
            for key, item in after.items.items()
            if verify.settled(before.items[key], item) and key not in after.restless
        }
        return replace(after, items=quiet, restless=frozenset())
