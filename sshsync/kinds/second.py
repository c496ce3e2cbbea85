"""Second looks: whether items are as they were listed, once their digests were made. Only what is not is held."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sshsync.errors import CommandError
from sshsync.kinds.base import Dialogue, Subject
from sshsync.kinds.listing import Listing, listed, stat_named
from sshsync.kinds.refusals import checked
from sshsync.kinds.told import suspicious
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.problem import Problem
from sshsync.model.row import Stamp
from sshsync.model.words import visible
from sshsync.remote import scripts

LISTING_WORTH = 5
"""Files that are listed in the time in which one is looked at by its name."""


class Relisted:
    """What a second listing tells of items that were listed before.

    A million of them costs no memory as long as they come in the order in which they came: that they come is all there
    is to know of most.

    Args:
        first: what was listed before.

    Attributes:
        changed: what bears another stamp now.
    """

    def __init__(self, first: Snapshot) -> None:
        self._first = first.items
        self._ahead = iter(first.items)
        self._passed: set[Key] = set()
        self.changed: dict[Key, Item] = {}

    def see(self, item: Item) -> bool:
        """Take note of an item that is listed; tell whether that is for the first time. Nobody asks about new ones."""
        before = self._first.get(item.key)
        if before is None:
            return True
        if item.key in self._passed:
            self._passed.remove(item.key)
        elif not self._reach(item.key):
            return False
        if item.stamp != before.stamp:
            self.changed[item.key] = item
        return True

    def absent(self) -> set[Key]:
        """Return what was not listed again; asked once, when all of it came."""
        return self._passed.union(self._ahead)

    def _reach(self, key: Key) -> bool:
        """Go on to a key in the order of the first listing; False when it was passed already."""
        for other in self._ahead:
            if other == key:
                return True
            self._passed.add(other)
        return False


class _Relisting(Listing):
    """Reads a listing beside a former one."""

    def __init__(self, subject: Subject, first: Snapshot) -> None:
        self._before = first
        super().__init__(subject)

    def begin(self) -> None:
        """See `Reader`."""
        super().begin()
        self.relisted = Relisted(self._before)

    def hold(self, key: Key, stamp: Stamp, mode: int) -> None:
        """See `Listing`."""
        if not self.relisted.see(Item(key, None, stamp, mode)):
            raise suspicious(self._before.repository, key, "is listed twice")


def looked_again(subject: Subject, first: Snapshot, unsure: Sequence[Key]) -> Dialogue[Snapshot]:
    """Look at some items again after their digests were made, by their names, or by listing all when they are many.

    Args:
        subject: what is scanned.
        first: its items as they were listed, with digests.
        unsure: which of them are looked at.

    Returns:
        The items without those that are gone, of which is told; those that bear another stamp are restless where the
        subject is wary.
    """
    if not unsure or subject.repository.commands.listing or len(unsure) * LISTING_WORTH < len(first.items):
        seen = yield from stat_named(subject, first.root, list(unsure))
        return compared(first, unsure, seen, wary=subject.wary)
    reading = _Relisting(subject, first)
    reading, answer = yield from listed(subject, {"ROOT": first.root, "MAKE": b"no"}, reading)
    now = None if answer.status == scripts.MISSING else reading.snapshot(answer)
    if now is None or now.root != first.root:
        words = f"the root is not {visible(first.root)} any more"
        raise CommandError(words, where=subject.repository.name, hint="run again when it is at its place")
    absent = reading.relisted.absent()
    if len(absent) == len(first.items):
        checked(answer, subject, "listing")
    gone = [key for key in unsure if key in absent]
    changed = reading.relisted.changed
    restless = {key: changed[key] for key in unsure if key in changed} if subject.wary else {}
    return _told(first, restless, gone, now.problems)


def compared(first: Snapshot, unsure: Iterable[Key], seen: Snapshot, *, wary: bool) -> Snapshot:
    """Return items as they are after a second look at some of them: what is gone is left out and told of.

    Args:
        first: what the first look showed, with digests.
        unsure: what was looked at again.
        seen: what that showed.
        wary: whether an item that changed between the looks is restless.
    """
    gone = [key for key in unsure if key not in seen.items]
    there = (seen.items[key] for key in unsure if wary and key in seen.items)
    restless = {item.key: item for item in there if item.stamp != first.items[item.key].stamp}
    return _told(first, restless, gone, seen.problems)


def _told(first: Snapshot, restless: dict[Key, Item], gone: Sequence[Key], problems: tuple[Problem, ...]) -> Snapshot:
    after = replace(first.after(restless, gone), restless=frozenset(restless))
    if not gone:
        return after
    return replace(after, problems=(*after.problems, _vanished(gone, problems)), complete=False)


def _vanished(gone: Sequence[Key], problems: tuple[Problem, ...]) -> Problem:
    """Tell of items that a second look did not find, with the host's words where they say more than that."""
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    if said := next((found.reason for found in problems if not found.gone), ""):
        return Problem(gone[0], f"{said} (when it{more} was looked at again)")
    return Problem(gone[0], f"{visible(gone[0], 200)}{more} vanished while digests were made", gone=True)
