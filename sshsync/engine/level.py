"""Links whose both ends were found equal: as long as both listings are what they were, nothing differs."""

import json
from hashlib import sha256
from typing import Any

from sshsync.engine import sights
from sshsync.engine.context import Context
from sshsync.model import events as ev
from sshsync.model.item import Sealed, Snapshot
from sshsync.model.prepared import Prepared
from sshsync.model.topology import Repository


class Level:
    """What is on record of one link that had nothing to do.

    Both listings vouch for the digests of all that is in them (`Snapshot.sight`), so what was equal then is equal
    whenever both are listed like that again: nobody has to read them.
    """

    def __init__(self, context: Context, parent: Repository, child: Repository) -> None:
        self._context = context
        self._parent = parent
        self._child = child
        makers = context.maker(parent), context.maker(child)
        own = child.include, child.exclude, child.delete, child.file_mode, child.file_group
        self._asked = parent.identity, makers, *own, child.empty_dirs, str(child.links)
        self._name = f"level {child.identity}"

    def found(self, parent: Snapshot, child: Snapshot, recorded: int) -> ev.Planned | None:
        """Return the plan of a link that is as it was when nothing differed, None for any other.

        Args:
            parent, child: what both hold.
            recorded: number of the child's items that are on record.
        """
        if not (isinstance(parent.items, Sealed) and isinstance(child.items, Sealed)):
            return None
        noted = _values(self._context.records.noted(self._name))
        if noted[:2] != [self._sights(parent, child), recorded] or len(noted) != 5:
            return None
        unchanged, kept, excluded = noted[2:]
        return ev.Planned(self._child.name, 0, 0, 0, 0, unchanged, 0, excluded, kept)

    def note(self, prepared: Prepared) -> None:
        """Put on record that nothing differs, where both listings show that as long as they stay what they are."""
        parent, child, changes = prepared.parent, prepared.child, prepared.changes
        whole = parent.complete and child.complete and parent.sight and child.sight
        if not whole or changes.changes or changes.blocked or changes.empties or changes.links:
            return
        kept = sum(parent.items[key].size for key in changes.unchanged)
        recorded = self._context.records.count(self._child)
        values = [self._sights(parent, child), recorded, len(changes.unchanged), kept, changes.excluded]
        sights.note(self._context, self._parent, parent)
        sights.note(self._context, self._child, child)
        sights.put(self._context, self._name, json.dumps(values))

    def _sights(self, parent: Snapshot, child: Snapshot) -> str:
        return sha256(repr((self._asked, parent.sight, child.sight)).encode()).hexdigest()


def _values(noted: str) -> list[Any]:
    """Return what was noted; what is none of ours is nothing."""
    try:
        found = json.loads(noted or "[]")
    except ValueError:
        return []
    whole = isinstance(found, list) and all(type(value) is int for value in found[1:])
    return found if whole else []
