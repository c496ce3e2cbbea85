"""What an applier brought about: counted, and told as events, in one place."""

import threading
from collections import Counter
from collections.abc import Iterable

from sshsync.appliers.base import Reached
from sshsync.errors import RefusedError
from sshsync.model.empties import Empties
from sshsync.model.events import (
    Adjusted,
    Decided,
    Deleted,
    Emit,
    ItemFailed,
    Outcome,
    Published,
    Remarked,
    Resent,
    Saved,
    Sent,
    Shared,
    key_text,
)
from sshsync.model.item import Item, Key
from sshsync.model.links import Link
from sshsync.model.row import Digest

PARTIAL = 7
"""Exit code that one failed item asks for by itself."""


class Ledger:
    """Keeps `reached` true, and tells whoever takes events. Items may fail in several threads at once.

    Args:
        emit: takes the events.
        name: the child.

    Attributes:
        tentative: what fails is going to be tried anew: nobody is told of it.
    """

    def __init__(self, emit: Emit, name: str) -> None:
        self._emit = emit
        self._name = name
        self.reached = Reached()
        self._counting = threading.Lock()
        self.tentative = False
        self._unsent: Counter[Key] = Counter()
        self._shared = 0

    def published(self, items: list[Item], *, salvaged: bool = False) -> None:
        """Note items that are on the child now; `salvaged` when an earlier run had moved their bytes."""
        self.reached.published.update((item.key, item) for item in items)
        rows = [(key_text(item.key), item.digest or "", item.size) for item in items]
        unsent = sum(self._unsent.pop(item.key, 0) for item in items)
        moved = 0 if salvaged else sum(item.size for item in items) - unsent
        if rows:
            self._emit(Published(self._name, rows, moved, salvaged))
        with self._counting:
            shared, self._shared = self._shared, 0
        if shared:
            self._emit(Shared(self._name, shared))

    def saved(self, key: Key, count: int) -> None:
        """Note bytes of an item that were not sent, because they lay on the child already, in other items."""
        if count:
            self._unsent[key] += count
            self._emit(Saved(self._name, key_text(key), count))

    def found(self, key: Key, count: int) -> None:
        """Note bytes of an item that an earlier run had sent."""
        self._unsent[key] += count

    def shared(self, count: int) -> None:
        """Note bytes that moved and had been read from the parent for another child; told with what is published."""
        with self._counting:
            self._shared += count

    def sent(self, key: Key, digest: Digest, size: int, chunks: list[tuple[int, int, str]]) -> None:
        """Note chunks of an item that went over the wire; none when nothing of it is there any more."""
        self._emit(Sent(self._name, key_text(key), digest, size, chunks))

    def adjusted(self, items: Iterable[Item]) -> None:
        """Note items whose marks were set."""
        fresh = {item.key: item for item in items}
        self.reached.adjusted.update(fresh)
        if fresh:
            self._emit(Adjusted(self._name, [key_text(key) for key in fresh]))

    def deleted(self, keys: Iterable[Key]) -> None:
        """Note items that are gone; each is told once."""
        fresh = [key for key in dict.fromkeys(keys) if key not in self.reached.deleted]
        self.reached.deleted.update(fresh)
        if fresh:
            self._emit(Deleted(self._name, [key_text(key) for key in fresh]))

    def linked(self, links: Iterable[Link]) -> None:
        """Note links that are there now; a file that one took the place of is gone."""
        made = list(links)
        self.deleted(key for link in made for key in link.over if key == link.key)
        self.reached.links.update((link.key, link.target) for link in made)
        changed = sum(link.old is not None for link in made)
        told = ((len(made) - changed, "made"), (changed, "changed"))
        if words := [f"{count} {word}" for count, word in told if count]:
            self.decide(f"links: {', '.join(words)}")

    def arranged(self, empties: Empties) -> None:
        """Note directories with nothing in them that are there now, and that are gone."""
        self.reached.empties = empties
        told = ((len(empties.make), "made"), (len(empties.remove), "removed"))
        if words := [f"{count} {word}" for count, word in told if count]:
            self.decide(f"empty directories: {', '.join(words)}")

    def resent(self, count: int) -> None:
        """Note bytes that were sent in vain."""
        if count:
            self._emit(Resent(self._name, count))

    def remark(self, words: str) -> None:
        """Tell the operator something about the child."""
        self._emit(Remarked(self._name, words))

    def decide(self, words: str) -> None:
        """Tell whoever wants to know how something is done."""
        self._emit(Decided(self._name, words))

    def fail(self, key: Key, reason: str, outcome: Outcome = Outcome.FAILED, code: int = PARTIAL) -> None:
        """Give an item up."""
        if self.tentative:
            return
        with self._counting:
            if outcome is Outcome.DEFERRED:
                self.reached.deferred += 1
            else:
                self.reached.failed += 1
        self._emit(ItemFailed(self._name, key_text(key), reason, outcome, code))

    def turn_down(self, key: Key, words: str) -> None:
        """Give an item up that the child refused in these words."""
        self.fail(key, words, code=RefusedError.code if "symbolic link" in words else PARTIAL)

    def refuse(self, key: Key, reason: str) -> None:
        """Leave an item out because no allowed way could carry it."""
        self.fail(key, reason, code=RefusedError.code)

    def defer(self, key: Key) -> None:
        """Leave an item for the next run."""
        self.fail(key, "still being written", Outcome.DEFERRED, 0)
