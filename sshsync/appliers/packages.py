"""How packages become those of a parent: the host's own package manager brings and installs them, in one transaction.

What is installed is told by a look, never by what a package manager says of its own work.
"""

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sshsync.appliers.base import Feed, Reached, Site
from sshsync.appliers.ledger import PARTIAL, Ledger
from sshsync.errors import RefusedError, SshsyncError
from sshsync.hosts.asking import Asking
from sshsync.kinds.base import Dialogue, Kind
from sshsync.kinds.installing import Installer, Said, Transaction
from sshsync.kinds.packages import digest, version_of
from sshsync.model.change import Change, Copy, Delete, Replace, Transfer
from sshsync.model.empties import Empties
from sshsync.model.events import Before, key_text
from sshsync.model.item import Item, Key
from sshsync.model.kept import Kept, Restored
from sshsync.model.links import Link
from sshsync.model.prepared import Beside, Outlook, Prepared
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.remote.probe import Capabilities

T = TypeVar("T")


class PackageAppliers:
    """See `Appliers`.

    Args:
        asking: speaks to the hosts.
        kind: what the packages are.
        installer: changes them.
        name: what it is called.
    """

    def __init__(self, asking: Asking, kind: Kind, installer: Installer, name: str) -> None:
        self._asking = asking
        self._kind = kind
        self._installer = installer
        self._name = name

    def __call__(self, site: Site) -> "PackageApplier":
        """Return the applier for one link."""
        return PackageApplier(self._asking, self._kind, self._installer, site)

    def kept(self, repository: Repository) -> None:
        """Nothing is put aside; see `Appliers`."""

    def restore(self, site: Site, wanted: Sequence[Kept]) -> list[Restored]:
        """There is nothing to bring back; see `Appliers`."""
        del site, wanted
        return []

    def ways(self, repository: Repository, capabilities: Capabilities) -> Mapping[str, str]:
        """See `Appliers`."""
        del capabilities
        return {"list": self._name, **({"install": self._name} if repository.parent else {})}


class PackageApplier:
    """See `Applier`: all that comes is one thing staged, and made visible in one transaction."""

    def __init__(self, asking: Asking, kind: Kind, installer: Installer, site: Site) -> None:
        self._asking = asking
        self._kind = kind
        self._installer = installer
        self._site = site
        self._ledger = Ledger(asking.emit, site.child.name)
        self._subject = asking.subject(site.child)
        self._untold, self._aside = True, False
        self._old_items: Mapping[Key, Item] = {}
        self._touched: list[Key] = []
        self._besides: Sequence[Beside] = ()
        self.unwell = False

    @property
    def reached(self) -> Reached:
        """See `Applier`."""
        return self._ledger.reached

    def foresee(self, prepared: Prepared, *, make: bool) -> Outlook:
        """Have all that is to come brought, and all that is needed to go back; a dry run leaves nothing of it there."""
        asked = self._asked(prepared)
        used, needed = [asked.id], False
        try:
            outlook = self._converse(self._installer.foresee(self._subject, asked))
            if not outlook.refusal:
                old = self._old(asked, outlook)
                used.append(old.id)
                outlook = replace(outlook, lost=self._lost(old))
            needed = make and not outlook.refusal
            return outlook
        except SshsyncError as error:
            # Who cannot be reached keeps what was brought for the next try.
            needed = make and error.transient
            raise
        finally:
            if not needed:
                self._converse(self._installer.clear(self._subject, "", used))

    def stage(self, prepared: Prepared) -> Generator[Transaction, None, None]:
        """Bring what is not there yet, and name what can be installed."""
        asked = self._asked(prepared)
        self._old_items = prepared.child.items
        # What was brought before the lease was taken may have been cleared away by who had it.
        outlook = self._converse(self._installer.foresee(self._subject, asked))
        if outlook.refusal:
            raise RefusedError(outlook.refusal.words)
        if (old := self._old(asked, outlook)).install:
            self._lost(old)
            self._converse(self._installer.keep(self._subject, old, self._site.run, self._site.lease))
            self._aside = True
        for key, words in outlook.refused.items():
            self._ledger.fail(key, words, code=outlook.codes.get(key, RefusedError.code))
        install, remove = _possible(asked, outlook)
        if not self._installer.together:
            remove = []
        self._besides = outlook.besides
        self._old_items = {
            **self._old_items,
            **{one.key: Item(one.key, digest(one.old)) for one in self._besides if one.old},
        }
        if install or remove:
            yield Transaction(self._called([*install, *remove], "apply"), asked.id, install, remove)

    def follow(self, prepared: Prepared, feed: Feed) -> Generator[Transaction, None, None]:
        """Nothing is brought before all is known that is to come; see `Applier`."""
        del prepared, feed
        yield from ()

    def publish(self, staged: Transaction) -> Sequence[Item]:
        """See `Applier`."""
        said = self._carried_out(staged)
        asked = {change.key: change.new for change in staged.install}
        gone = [change.key for change in staged.remove]
        there, damaged = self._look([*asked, *gone])
        self._ledger.published([new for key, new in asked.items() if key in there and there[key].agrees(new)])
        wrong = {}
        for key, new in asked.items():
            if key not in self.reached.published:
                found = damaged.get(key) or (f"it is at {_told(there[key])}" if key in there else "it is not there")
                wrong[key] = f"was to be {_told(new)}, and {found}"
        self._ledger.deleted(key for key in gone if key not in there)
        self._fail(wrong | {key: _STAYS for key in gone if key in there}, said)
        self.rotate()
        return ()

    def delete(self, deletions: Sequence[Delete]) -> None:
        """See `Applier`."""
        keys = [change.key for change in deletions]
        said = self._carried_out(Transaction(self._called(deletions, "apply"), remove=deletions))
        there, _ = self._look(keys)
        self._ledger.deleted(key for key in keys if key not in there)
        self._fail({key: _STAYS for key in keys if key in there}, said)
        # All else is cleared away before deletions.
        self.clear()

    def clear(self) -> None:
        """See `Applier`."""
        self._converse(self._installer.clear(self._subject, self._site.lease))

    def abandon(self) -> None:
        """See `Applier`."""
        self.clear()

    def adjust(self, prepared: Prepared) -> None:
        """A package has nothing beside its version; see `Applier`."""

    def link(self, links: Sequence[Link]) -> None:
        """There are no links; see `Applier`."""

    def arrange(self, empties: Empties) -> None:
        """There are no directories; see `Applier`."""

    def revert(self) -> bool:
        """See `Reverting`: from what was kept, with the same look behind it."""
        old, (there, _) = self._old_items, self._look(self._touched)
        back = [old[key] for key in self._touched if key in old and not _same(there.get(key), old[key])]
        install = [Copy(item) for item in back if item.digest]
        remove = [Delete(there[key]) for key in self._touched if key not in old and key in there]
        asked = Transaction(self._called([*install, *remove], "fetch back"), install=install, remove=remove)
        outlook = self._converse(self._installer.foresee(self._subject, asked))
        if outlook.refused or outlook.refusal:
            return False
        self._carried_out(Transaction(self._called([*install, *remove], "apply back"), asked.id, install, remove))
        there, _ = self._look(self._touched)
        self._ledger.published([item for item in back if _same(there.get(item.key), item)])
        self._ledger.deleted(change.key for change in remove if change.key not in there)
        self.clear()
        return all(_same(there.get(key), old.get(key)) for key in self._touched)

    def rotate(self) -> None:
        """See `Applier`: once for what was put aside, however the run ends, for a package may never come."""
        if not self._aside:
            return
        self._aside = False
        self._converse(self._installer.rotate(self._subject, self._site.child.keep, self._site.lease))

    def _asked(self, prepared: Prepared) -> Transaction:
        install, remove = prepared.changes.transfers, prepared.deletions
        return Transaction(self._called([*install, *remove], "fetch"), install=install, remove=remove)

    def _old(self, asked: Transaction, outlook: Outlook) -> Transaction:
        """Return what brings what is there now, of what is going to be another one or to go."""
        coming, going = _possible(asked, outlook)
        replaced = [change.old for change in coming if isinstance(change, Replace)]
        beside = [Item(one.key, digest(one.old)) for one in outlook.besides if one.old]
        old = [item for item in (*replaced, *(change.old for change in going), *beside) if item.digest]
        install = [Copy(item) for item in old] if self._site.child.keep else []
        return Transaction(self._called(install, "old"), install=install)

    def _lost(self, old: Transaction) -> Mapping[Key, str]:
        """Have what is there now brought once more; return what cannot be had again, with the words why."""
        return self._converse(self._installer.bring(self._subject, old)) if old.install else {}

    def _tell_before(self, changes: Iterable[Change]) -> None:
        """Put on record what is there, and what is going to be other."""
        new = [(change.key, None if isinstance(change, Delete) else change.new) for change in changes]
        rows = [(key_text(key), (item and item.digest) or "") for key, item in new]
        rows += [(key_text(one.key), digest(one.new) if one.new else "") for one in self._besides]
        held = self._old_items.values() if self._untold else ()
        self._untold, child = False, self._site.child
        items = [(key_text(item.key), item.digest or "") for item in held]
        self._asking.emit(Before(child.name, items, rows, child.identity))

    def _converse(self, dialogue: Dialogue[T]) -> T:
        return self._asking.converse(self._subject, dialogue)

    def _called(self, changes: Sequence[Change], what: str) -> str:
        """Return the name of a transaction: the same one in the same run, and in no other."""
        told = sorted((change.key, b"-" if isinstance(change, Delete) else _text(change.new)) for change in changes)
        own = [
            what.encode(),
            self._site.run.encode(),
            self._site.child.identity.encode(),
            *(word for pair in told for word in pair),
        ]
        return hashlib.sha256(b"\0".join(own)).hexdigest()[:24]

    def _carried_out(self, transaction: Transaction) -> Said:
        self._touched += [change.key for change in (*transaction.install, *transaction.remove)]
        self._touched += [one.key for one in self._besides]
        self._tell_before((*transaction.install, *transaction.remove))
        self._besides = ()
        said = self._converse(self._installer.apply(self._subject, transaction, self._site.lease))
        for words in said.notes:
            self._ledger.remark(words)
        return said

    def _look(self, keys: list[Key]) -> tuple[Mapping[Key, Item], Mapping[Key, str]]:
        seen = self._converse(self._kind.look_again(self._subject, self._site.root, keys))
        return seen.items, seen.damaged

    def _fail(self, wrong: Mapping[Key, str], said: Said) -> None:
        """Give up what is not as it should be, each with what the package manager said of it, or of the whole."""
        failed = dict(said.complaints)
        failed |= {key: _joined(words, said.complaints.get(key) or said.words) for key, words in wrong.items()}
        for key, words in failed.items():
            self._ledger.fail(key, words, code=PARTIAL)
        if said.words and not wrong:
            self._ledger.remark(f"all is as it should be, although {said.words}")
        self.unwell = self.unwell or bool(failed)


_STAYS = "was to be removed, and is still there"


def _possible(asked: Transaction, outlook: Outlook) -> tuple[list[Transfer], list[Delete]]:
    """Return what comes and what goes of what was asked for."""
    install = [change for change in asked.install if change.key not in outlook.refused]
    remove = [change for change in asked.remove if change.key not in outlook.refused]
    # Nothing goes where something does not come: what is missing may be what it was replaced by.
    return install, remove if len(install) == len(asked.install) else []


def _joined(found: str, said: str) -> str:
    return f"{found}: {said}" if said else found


def _same(one: Item | None, other: Item | None) -> bool:
    return one.agrees(other) if one and other else one is other


def _text(item: Item) -> bytes:
    return (item.digest or "").encode("utf-8", "surrogateescape")


def _told(item: Item) -> str:
    return visible(version_of(item), 200) or "no version"
