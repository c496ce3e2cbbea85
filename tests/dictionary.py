"""A kind of items that are no files: a dictionary on disk, one ``name value`` a line; the digest is the value itself.

A repository of it may have a path. Without one it is the dictionary of the account: its items are in no directory that
anybody is told of, and the work on it is done in one of the kind's own.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from sshsync.errors import CommandError
from sshsync.kinds.base import Answer, Condition, Dialogue, Request, Subject
from sshsync.model.change import Change
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.topology import Repository
from sshsync.model.words import Place, Versions, Words
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Command, Script

READ = Script(
    "dictionary-read",
    'main() { r=${ROOT:-$HOME/.pairs}; if [ "$MAKE" = yes ]; then mkdir -p "$r" || return; fi\n'
    'cd "$r" 2>/dev/null || return 44; pwd -P; [ ! -f dictionary ] || cat dictionary\n'
    'printf "%s left\\n" "$TOKEN"; ls -d .sshsync/values* .sshsync/lease/* 2>/dev/null | cut -d/ -f2-; :; }\n',
)


class Dictionary:
    """See `Kind`."""

    words = Words("pair", "pairs", "set", "set")
    place = Place("dictionary", "look who emptied it")
    required: frozenset[str] = frozenset()
    unfit: dict[str, str] = {}
    usual: dict[str, str] = {}

    def wanted(self, repository: Repository) -> Callable[[Key], bool]:
        """Names are matched by shell patterns without directories."""

        def test(key: Key) -> bool:
            name = key.decode()
            taken = not repository.include or any(fnmatchcase(name, one) for one in repository.include)
            return taken and not any(fnmatchcase(name, one) for one in repository.exclude)

        return test

    def reaches(self, repository: Repository) -> Callable[[Key], bool]:
        """There are no directories: what has a name is what bears it."""
        return self.wanted(repository)

    def algorithm(self, repository: Repository) -> str:
        """A value is its own digest."""
        return "value"

    def told(self, change: Change) -> Versions:
        """Values are told by nobody."""
        return Versions()

    def needs(self, repository: Repository, capabilities: Capabilities, algorithm: str) -> str:
        """A host needs nothing but a shell."""
        return ""

    def scan(self, subject: Subject) -> Dialogue[Snapshot]:
        """Read all of it."""
        answer = yield self._request(subject)
        return self._snapshot(answer, subject, lambda value: f"value:{value}")

    def condition(self, subject: Subject) -> Dialogue[Condition]:
        """See `Kind`."""
        answer = yield self._request(subject)
        return Condition(state="missing" if answer.status == 44 else "writable", digest="itself")

    def glance(self, subject: Subject) -> Dialogue[Snapshot]:
        """Read all of it, and forget the values."""
        answer = yield self._request(subject)
        return self._snapshot(answer, subject, lambda _value: None)

    def look_again(self, subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
        """Read all of it, and keep what was asked for."""
        if not keys:
            return Snapshot(subject.repository.name, root, {})
        found = yield from self.scan(subject)
        return Snapshot(found.repository, root, {key: item for key, item in found.items.items() if key in keys})

    def _request(self, subject: Subject) -> Request:
        make = b"yes" if subject.create else b"no"
        return Request(Command(READ, {"ROOT": subject.repository.path.encode(), "MAKE": make}))

    def _snapshot(self, answer: Answer, subject: Subject, digest: Callable[[str], str | None]) -> Snapshot:
        name = subject.repository.name
        if answer.status == 44:
            return Snapshot(name, subject.repository.path.encode(), {}, existed=False)
        if answer.status:
            raise CommandError("the dictionary cannot be read", where=name)
        held, _, left = answer.payload.partition(subject.token + b" left\n")
        place, _, lines = held.partition(b"\n")
        root = place if subject.repository.path else b""
        pairs = (line.partition(b" ")[::2] for line in lines.splitlines())
        items = {key: Item(key, digest(value.decode())) for key, value in pairs}
        return Snapshot(name, root, items, subject.now, left=tuple(left.splitlines()), apart=b"" if root else place)


def text(pairs: Iterable[tuple[Key, bytes]]) -> bytes:
    """Return a dictionary as it lies on disk."""
    return b"".join(b"%s %s\n" % pair for pair in sorted(pairs))
