"""Where symbolic links lead, as a listing tells of them: two records each, the second of which may be any bytes."""

from collections.abc import Collection, Iterable, Iterator

from sshsync.core.links import CURE
from sshsync.kinds.told import suspicious
from sshsync.model.item import Key
from sshsync.model.problem import Problem
from sshsync.model.words import visible

_NAME, _TARGET = b"link ./", b"leads "


class Leads:
    """Reads where links lead.

    Args:
        name: the repository that is listed.

    Attributes:
        known: the target of each.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: Key | None = None
        self.known: dict[Key, bytes] = {}

    def take(self, record: bytes) -> bool:
        """Take a record; tell whether it was about a link.

        Raises:
            ListingError: the records of a link are not those that a host prints.
        """
        if self._open is None:
            if not record.startswith(_NAME):
                return False
            self._open = record[len(_NAME) :]
            return True
        if not record.startswith(_TARGET) or self._open in self.known:
            raise suspicious(self._name, self._open, "does not tell where it leads")
        self.known[self._open], self._open = record[len(_TARGET) :], None
        return True

    def problems(self, listed: set[Key]) -> Iterator[Problem]:
        """Yield what cannot be told, and forget what was told of it; asked once, when all came.

        Args:
            listed: the links that are listed: a host may look twice, and links come and go meanwhile.
        """
        for key in sorted(listed.symmetric_difference(self.known)):
            self.known.pop(key, None)
            yield _turned(key)
        for key in [key for key, target in self.known.items() if not target]:
            del self.known[key]
            yield Problem(key, "where this link leads cannot be read")


def _turned(key: Key) -> Problem:
    return Problem(key, f"{visible(key, 200)} changed while it was listed", gone=True)


_FOLLOW, _ASTRAY = b"follow ./", b"astray "
_ASTRAYS = {
    b"outside": "leads outside of the repository",
    b"staging": "leads to staging, where nothing is verified yet",
    b"directory": "leads to a directory: only files are taken",
    b"other": "leads to what is no regular file",
    b"nothing": "leads to nothing that can be reached",
}


class Followed:
    """Reads which links lead to files below the root: what stat tells of such a file follows, under the link's name.

    Args:
        name: the repository that is listed.

    Attributes:
        known: those that do.
        astray: how each other one goes astray.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.known: set[Key] = set()
        self.astray: dict[Key, str] = {}
        self._turned: set[Key] = set()

    def take(self, record: bytes) -> bool:
        """Take a record; tell whether it was about a link.

        Raises:
            ListingError: it is none that a host prints.
        """
        if record.startswith(_FOLLOW):
            self.known.add(record[len(_FOLLOW) :])
            return True
        if not record.startswith(_ASTRAY):
            return False
        how, _, key = record[len(_ASTRAY) :].partition(b" ./")
        if how not in _ASTRAYS or not key:
            raise suspicious(self._name, record, "is no word about a link")
        self.astray[key] = f"{_ASTRAYS[how]} ({CURE})"
        return True

    def turned(self, key: Key) -> bool:
        """Tell whether an item that is listed already is told of again as a link that leads to a file."""
        found = key in self.known and key not in self._turned
        if found:
            self._turned.add(key)
        return found

    def problems(self, items: Collection[Key], links: Iterable[Key]) -> Iterator[Problem]:
        """Yield what was a link at one look and none at the other, and forget what was told of it; asked once.

        Args:
            items: those that are listed.
            links: the links that are listed.
        """
        turned = self._turned | {key for key in self.astray if key in items}
        turned |= {key for key in links if key not in self.known and key not in self.astray}
        turned |= {key for key in self.known if key not in items}
        for key in sorted(turned):
            self.known.discard(key)
            self.astray.pop(key, None)
            yield _turned(key)
