"""Changes of what a Python has installed, by the environment's own pip; see `Installer`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sshsync.errors import CommandError, ConnectError, IntegrityError, ToolMissingError
from sshsync.kinds.base import Dialogue, Subject
from sshsync.kinds.installing import Said, Transaction
from sshsync.kinds.jobs import CANNOT, Jobs, pairs, texts
from sshsync.kinds.packages import PARTIAL, listed, too_old, version_of
from sshsync.kinds.pip import NAMES, VERSIONS, Pip, job, lacking, normalized, shown
from sshsync.model.change import Transfer
from sshsync.model.item import Key
from sshsync.model.prepared import Outlook, Refusal
from sshsync.model.topology import Repository
from sshsync.model.words import Order, visible


class PipChanges(Jobs):
    """See `Installer`.

    Args:
        order: tells of two versions which one is older.
    """

    together = False

    def __init__(self, order: Order) -> None:
        super().__init__("pip", job, lacking)
        self._order = order
        self._pip = Pip()

    def foresee(self, subject: Subject, transaction: Transaction) -> Dialogue[Outlook]:
        """See `Installer`."""
        repository = subject.repository
        answer = yield self._pip.request(subject)
        if trouble := self._pip.trouble(answer, repository):
            raise CommandError(trouble, where=repository.name)
        found = listed(self._pip, answer, subject)
        if found.managed and repository.install.externally_managed != "change":
            return Outlook(refusal=Refusal(_managed(repository)))
        if not found.writable and not repository.install.sudo:
            raise CommandError(
                f"{_place(repository)} cannot be written by its account",
                where=repository.name,
                hint="let another account do it, or root: sudo = yes",
            )
        refused = dict(self._unsayable(repository, transaction.install))
        refused |= {c.key: _THE_SYSTEMS for c in transaction.install if c.key in found.owned}
        install = [change for change in transaction.install if change.key not in refused]
        codes = dict.fromkeys(refused, PARTIAL)
        if install:
            told = yield from self.job(subject, "fetch", transaction.id, _asked(repository, install))
            self._check(repository, told)
            lacking, wrong = pairs(told, "refused"), texts(told, "distrusted")
            for key in (change.key for change in install if change.key.decode("ascii") in lacking):
                name = key.decode("ascii")
                refused[key] = _lacking(repository, lacking[name])
                codes[key] = IntegrityError.code if name in wrong else PARTIAL
        return Outlook(refused, codes)

    def bring(self, subject: Subject, transaction: Transaction) -> Dialogue[Mapping[Key, str]]:
        """See `Installer`."""
        return (yield from self.foresee(subject, transaction)).refused

    def apply(self, subject: Subject, transaction: Transaction, lease: str) -> Dialogue[Said]:
        """See `Installer`."""
        asked = {
            **_asked(subject.repository, transaction.install),
            "remove": [change.key.decode("ascii") for change in transaction.remove],
            "fetched": transaction.fetched,
            "lease": lease,
        }
        told = yield from self.job(subject, "apply", transaction.id, asked)
        if told.get("died"):
            return Said("pip was ended before it was through: was the host started anew?")
        words = _words(told, "broken") or _words(told, "words")
        found = {}
        for line in texts(told, "complaints"):
            said = visible(shown(line), 300)
            found[normalized(said.split(" ")[0]).encode("ascii", "replace")] = f"pip check: {said}"
        return Said(f"pip: {words}" if words else "", found)

    def _unsayable(self, repository: Repository, changes: Sequence[Transfer]) -> Mapping[Key, str]:
        """Return what pip cannot be asked for, or may not."""
        found = {}
        for change in changes:
            version = version_of(change.new)
            if not NAMES.fullmatch(change.key.decode("ascii", "replace")) or not VERSIONS.fullmatch(version):
                found[change.key] = f"no index has {visible(version, 200)}: install it by hand, or exclude it"
            elif words := too_old(repository, change, self._order):
                found[change.key] = words
        return found

    def _check(self, repository: Repository, told: Mapping[str, Any]) -> None:
        """Raise what keeps all packages from coming."""
        name = repository.name
        if told.get("died"):
            raise ConnectError("pip was ended while it fetched packages there", where=name)
        if words := _words(told, "broken"):
            raise CommandError(f"{CANNOT}: {words}", where=name)
        if words := _words(told, "absent_pip"):
            made = f"{_place(repository)}/bin/python -m ensurepip" if repository.path else "its package manager"
            raise ToolMissingError(f"has no pip: {words}", where=name, hint=f"install it there, such as by {made}")
        if words := _words(told, "trouble"):
            raise ConnectError(f"its index of packages cannot be reached: {words}", where=name)


_THE_SYSTEMS = "it belongs to the system's own package manager there: change it by that, or exclude it"


def _asked(repository: Repository, install: Sequence[Transfer]) -> dict[str, Any]:
    how = repository.install
    return {
        "install": [[change.key.decode("ascii"), version_of(change.new)] for change in install],
        "remove": [],
        "sources": how.sources,
        "sudo": how.sudo,
        "managed": how.externally_managed == "change",
    }


def _place(repository: Repository) -> str:
    return repository.path or f"what {repository.python or 'python3'} has"


def _managed(repository: Repository) -> str:
    return (
        f"the system says that {_place(repository)} is the business of its own package manager alone (PEP 668): "
        "nothing was changed; use an environment (path =), or say externally_managed = change"
    )


def _lacking(repository: Repository, words: str) -> str:
    said = visible(shown(words), 500)
    if "No matching distribution" in said and not repository.install.sources:
        return f"{said} (of what is ready to install: sources = yes builds the rest)"
    return said


def _words(told: Mapping[str, Any], name: str) -> str:
    return visible(shown(str(told.get(name) or "")), 500)
