"""Arrivals: files that a parent gets while its child is synchronized already, as the child may take them."""

from collections.abc import Callable, Iterable, Iterator

from sshsync.appliers.base import Feed
from sshsync.appliers.growing import Growing
from sshsync.appliers.parts import Parts
from sshsync.model.change import Copy, Transfer
from sshsync.model.item import Item, Key


class Arrivals:
    """Gives changes as their files come to the parent, until nothing more comes there or nothing more is wanted.

    Args:
        wanted: changes, by key; what is given is taken out.
        feed: tells what the parent has.
        parts: told of a big file that is to be read while the parent receives it.
        check: raises when the work has to end.
        alone: tells whether a change comes as a part of its own.
    """

    def __init__(
        self,
        wanted: dict[Key, Transfer],
        feed: Feed,
        parts: Parts,
        check: Callable[[], None],
        alone: Callable[[Transfer], bool],
    ) -> None:
        self._wanted = wanted
        self._feed = feed
        self._parts = parts
        self._check = check
        self._alone = alone
        self._seen = 0

    def __iter__(self) -> Iterator[list[Transfer]]:
        """Give all changes that can be carried out, again and again; one alone when its file is still on its way."""
        wanted = self._wanted
        there = [change for change in wanted.values() if self._feed.holds(change.new)]
        while True:
            if there:
                for change in there:
                    del wanted[change.key]
                yield there
            version, ended = self._feed.version, self._feed.ended
            came = self._feed.since(self._seen)
            there = self._ready(came)
            self._seen += len(came)
            if there:
                continue
            if ended or not wanted:
                return
            if growing := self._on_its_way():
                yield [growing]
                # Whoever is not through with it comes back for the rest.
                if not self._parts.follows(growing):
                    del wanted[growing.key]
            else:
                self._feed.wait(version, self._check)

    def _ready(self, came: Iterable[Item]) -> list[Transfer]:
        keys = dict.fromkeys(item.key for item in came)
        return [self._wanted[key] for key in keys if key in self._wanted and self._feed.holds(self._wanted[key].new)]

    def _on_its_way(self) -> Transfer | None:
        """Return a change whose file is received by the parent now.

        What may be put together of something that the child has already waits until all of it can be compared.
        """
        for key, growing in self._feed.notes.items():
            change = self._wanted.get(key)
            if not isinstance(growing, Growing) or not isinstance(change, Copy) or not self._alone(change):
                continue
            if growing.digest == change.new.digest and not self._parts.doubted(change):
                self._parts.follow(change, self._feed, growing, self._check, self._others)
                return change
        return None

    def _others(self) -> bool:
        """Tell whether files have come meanwhile."""
        return bool(self._ready(self._feed.since(self._seen)))
