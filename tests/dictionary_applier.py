"""How a dictionary becomes what its parent's is: new values are put beside it, and take its place in one rename."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from sshsync.appliers.base import Feed, Reached, Site
from sshsync.appliers.ledger import Ledger
from sshsync.hosts.asking import Asking
from sshsync.model.change import Delete, Transfer
from sshsync.model.empties import Empties
from sshsync.model.item import Item
from sshsync.model.kept import Kept, Restored
from sshsync.model.links import Link
from sshsync.model.prepared import Outlook, Prepared
from sshsync.model.topology import Repository
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Command, Script
from tests.dictionary import text

TOP = 'cd "$ROOT" && mkdir -p .sshsync || return;'
STAGE = Script("dictionary-stage", f'main() {{ {TOP} cat >".sshsync/values.$PLACE"; }}\n')
PUBLISH = Script(
    "dictionary-publish",
    f'main() {{ {TOP} [ -d ".sshsync/lease/$LEASE" ] || return 45; new=.sshsync/values.$PLACE; [ -e "$new" ] || return 0\n'
    '{ cut -d" " -f1 "$new" | sed "s/.*/^& /" >.sshsync/names; grep -v -f .sshsync/names dictionary 2>/dev/null; cat "$new"; } >.sshsync/next\n'
    'mv .sshsync/next dictionary && rm -f "$new" .sshsync/names; }\n',
)
DELETE = Script(
    "dictionary-delete",
    f'main() {{ {TOP} [ -d ".sshsync/lease/$LEASE" ] || return 45; sed "s/.*/^& /" >.sshsync/names\n'
    "grep -v -f .sshsync/names dictionary >.sshsync/next; mv .sshsync/next dictionary && rm -f .sshsync/names; }\n",
)
CLEAR = Script("dictionary-clear", f"main() {{ {TOP} rm -f .sshsync/values.* .sshsync/names .sshsync/next; }}\n")


@dataclass(frozen=True)
class Values:
    """Pairs that lie beside the dictionary."""

    place: str
    changes: tuple[Transfer, ...]


class DictionaryAppliers:
    """See `Appliers`."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def __call__(self, site: Site) -> "DictionaryApplier":
        """Return the applier for one link."""
        return DictionaryApplier(self._asking, site)

    def kept(self, repository: Repository) -> None:
        """Nothing is put aside."""

    def restore(self, site: Site, wanted: Sequence[Kept]) -> list[Restored]:
        """There is nothing to bring back."""
        return []

    def ways(self, repository: Repository, capabilities: Capabilities) -> Mapping[str, str]:
        """There is one way."""
        return {"list": "built in"}


class DictionaryApplier:
    """See `Applier`: three pairs are staged at a time."""

    def __init__(self, asking: Asking, site: Site) -> None:
        self._asking = asking
        self._site = site
        self._ledger = Ledger(asking.emit, site.child.name)

    @property
    def reached(self) -> Reached:
        """See `Applier`."""
        return self._ledger.reached

    def foresee(self, prepared: Prepared, *, make: bool) -> Outlook:
        """A name that begins with a dash is one that this kind refuses."""
        return Outlook({c.key: "its name begins with a dash" for c in prepared.changes.transfers if c.key.startswith(b"-")})

    def stage(self, prepared: Prepared) -> Generator[Values, None, None]:
        """See `Applier`."""
        for key, words in prepared.outlook.refused.items():
            self._ledger.refuse(key, words)
        yield from self._stage([change for change in prepared.changes.transfers if change.key not in prepared.outlook.refused])

    def follow(self, prepared: Prepared, feed: Feed) -> Generator[Values, None, None]:
        """See `Applier`: pairs are taken when the parent has all that this child lacks."""
        wanted = [change for change in prepared.changes.transfers if change.key not in prepared.outlook.refused]
        while not all(feed.holds(change.new) for change in wanted):
            version = feed.version
            if feed.ended:
                return
            feed.wait(version, self._asking.stop.check)
        yield from self._stage(wanted)

    def _stage(self, changes: Sequence[Transfer]) -> Generator[Values, None, None]:
        for number in range(0, len(changes), 3):
            some = tuple(changes[number : number + 3])
            pairs = [(change.key, (change.new.digest or "").partition(":")[2].encode()) for change in some]
            self._run(STAGE, text(pairs), PLACE=b"%d" % number)
            yield Values(str(number), some)

    def publish(self, staged: Values) -> Sequence[Item]:
        """See `Applier`."""
        self._run(PUBLISH, PLACE=staged.place.encode())
        self._ledger.published([change.new for change in staged.changes])
        return ()

    def adjust(self, prepared: Prepared) -> None:
        """A value has nothing beside it."""

    def clear(self) -> None:
        """See `Applier`."""
        self._run(CLEAR)

    def delete(self, deletions: Sequence[Delete]) -> None:
        """See `Applier`."""
        self._run(DELETE, b"".join(change.key + b"\n" for change in deletions))
        self._ledger.deleted(change.key for change in deletions)

    def link(self, links: Sequence[Link]) -> None:
        """A dictionary has no links."""

    def arrange(self, empties: Empties) -> None:
        """A dictionary has no directories."""

    def rotate(self) -> None:
        """Nothing is put aside."""

    def abandon(self) -> None:
        """See `Applier`."""
        self.clear()

    def _run(self, script: Script, stdin: bytes = b"", **variables: bytes) -> bytes:
        command = Command(script, {"ROOT": self._site.work, "LEASE": self._site.lease.encode(), **variables})

        def once() -> bytes:
            return self._asking.session(self._site.child).run(command, stdin).check(script.name).payload

        return self._asking.retry(self._site.child, script.name, once)
