"""What lies in a directory besides regular files: sorted and counted, as a listing tells of it."""

from collections.abc import Callable

from sshsync.model.events import key_text
from sshsync.model.item import Key
from sshsync.model.omission import Omission

DIRECTORY = 0o040000
LINK = 0o120000
_SORTS = {
    LINK: ("link", "links"),
    0o010000: ("pipe", "pipes"),
    0o140000: ("socket", "sockets"),
    0o020000: ("device", "devices"),
    0o060000: ("device", "devices"),
    DIRECTORY: ("directory", "directories"),
}
_OTHER = ("special file", "special files")
_EMPTY = ("empty directory", "empty directories")


class Omitted:
    """Counts what is listed and is no regular file.

    A listing names a directory before all that lies in it. So one that is followed by something else is empty.

    Args:
        wanted: tells what takes part.
        left: tells whether a link is left out.
        spared: tells whether a directory is left out when it is empty, by its name with a slash, as of something in it.
        named: what was listed are names that somebody gave, so a directory among them says nothing of what is in it.
        keep: remember the names of directories.

    Attributes:
        links: the names of links.
        all, empty: the directories, and the empty ones of them, once all of it came; none where they are not kept.
        seen: how many there are, whether anybody wants them or not; empty directories do not count.
    """

    def __init__(
        self,
        wanted: Callable[[Key], bool],
        left: Callable[[Key], bool],
        spared: Callable[[Key], bool],
        *,
        named: bool,
        keep: bool,
    ) -> None:
        self._wanted = wanted
        self._left = left
        self._spared = spared
        self._named = named
        self._keep = keep
        self._found: dict[tuple[str, str], tuple[int, Key]] = {}
        self._open: Key | None = None
        self.seen = 0
        self.links: set[Key] = set()
        self.all: set[Key] = set()
        self.empty: set[Key] = set()

    def passed(self, key: Key) -> None:
        """Take note that something was listed, before it is added if it is no file."""
        if self._open is not None:
            self._close(key)

    def add(self, key: Key, mode: int) -> None:
        """Add something that is no regular file; `mode` is the raw one."""
        if mode == DIRECTORY and not self._named:
            self._open = key
            if self._keep:
                self.all.add(key)
            return
        self.seen += 1
        if mode == LINK:
            self.links.add(key)
        if (self._left if mode == LINK else self._wanted)(key):
            self._count(_SORTS.get(mode, _OTHER), key)

    def end(self, *, whole: bool) -> tuple[Omission, ...]:
        """Return what was counted; of a listing that is not whole no directory is known to be empty."""
        self._close(b"")
        found = {sort: count for sort, count in self._found.items() if whole or sort != _EMPTY}
        return tuple(Omission(*sort, count, key_text(example)) for sort, (count, example) in sorted(found.items()))

    def _close(self, key: Key) -> None:
        """Count the last directory, if what follows it lies elsewhere."""
        last, self._open = self._open, None
        if last is None or key.startswith(last + b"/"):
            return
        if self._keep:
            self.empty.add(last)
        if self._spared(last + b"/"):
            self._count(_EMPTY, last)

    def _count(self, sort: tuple[str, str], key: Key) -> None:
        count, example = self._found.get(sort, (0, key))
        self._found[sort] = count + 1, example
