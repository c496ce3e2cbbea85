"""Changes of what rpm has on record, by dnf; see `Installer`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sshsync.errors import CommandError, ConnectError, IntegrityError
from sshsync.kinds.base import Dialogue, Subject
from sshsync.kinds.installing import Said, Transaction
from sshsync.kinds.jobs import CANNOT, Jobs, pairs, texts
from sshsync.kinds.packages import LONGEST, LONGEST_VERSION, PARTIAL, too_old, version_of
from sshsync.kinds.rpm import NAMES, VERSIONS, foreign, job, lacking
from sshsync.model.item import Key
from sshsync.model.prepared import Beside, Outlook, Refusal
from sshsync.model.topology import Repository
from sshsync.model.words import Order, visible

_SUDO = "let root do it: sudo = yes, and allow the account to run dnf so without a password, or let it be root's"
_DIED = "dnf was ended before it was through"
_SEVERAL = "several versions stand side by side: they are only compared, never changed (exclude it)"
_MOST_TOLD = 20
"""Changes that a refusal names."""


class RpmChanges(Jobs):
    """See `Installer`.

    Args:
        order: tells of two versions which one is older.
    """

    together = True

    def __init__(self, order: Order) -> None:
        super().__init__("dnf", job, lacking)
        self._order = order

    def foresee(self, subject: Subject, transaction: Transaction) -> Dialogue[Outlook]:
        """See `Installer`."""
        repository = subject.repository
        refused = self._unsayable(repository, transaction)
        asked = _asked(repository, transaction, refused)
        codes = dict.fromkeys(refused, PARTIAL)
        if not asked["install"] and not asked["remove"]:
            return Outlook(refused, codes)
        told = yield from self.job(subject, "fetch", transaction.id, asked)
        _check(repository, told)
        lacking = pairs(told, "refused")
        for key in (*(c.key for c in transaction.install), *(c.key for c in transaction.remove)):
            if words := lacking.get(key.decode("ascii", "replace"), ""):
                refused[key], codes[key] = visible(words, 500), PARTIAL
        try:
            besides = _besides(told, transaction, refused)
        except (ValueError, TypeError) as error:
            words = f"what dnf says that it would change cannot be true: {error}"
            raise CommandError(words, where=repository.name) from None
        return Outlook(refused, codes, besides=besides, refusal=_refusal(repository, besides))

    def bring(self, subject: Subject, transaction: Transaction) -> Dialogue[Mapping[Key, str]]:
        """See `Installer`."""
        repository = subject.repository
        refused = {
            change.key: _SEVERAL for change in transaction.install if not _plain(change.key, version_of(change.new))
        }
        asked = _asked(repository, transaction, refused)
        told = yield from self.job(subject, "bring", transaction.id, asked)
        _check(repository, told)
        lacking = pairs(told, "refused")
        keys = (change.key for change in transaction.install)
        said = {key: lacking.get(key.decode("ascii", "replace"), "") for key in keys}
        return refused | {key: visible(words, 500) for key, words in said.items() if words}

    def apply(self, subject: Subject, transaction: Transaction, lease: str) -> Dialogue[Said]:
        """See `Installer`."""
        repository = subject.repository
        asked = {**_asked(repository, transaction, {}), "fetched": transaction.fetched, "lease": lease}
        told = yield from self.job(subject, "apply", transaction.id, asked)
        if told.get("died"):
            # Whatever is installed then, scripts that come last may not have run.
            lost = f"{_DIED}: its scripts may not have run (rpm -q --scripts)"
            return Said(f"{_DIED}: was the host started anew?", {one.key: lost for one in transaction.install})
        _check(repository, told)
        words = _words(told, "words")
        complaints = {
            name.encode("ascii", "replace"): visible(said, 300) for name, said in pairs(told, "complaints").items()
        }
        return Said(f"dnf: {words}" if words else "", complaints, [visible(one, 300) for one in texts(told, "notes")])

    def _unsayable(self, repository: Repository, transaction: Transaction) -> dict[Key, str]:
        """Return what dnf cannot be asked for, or may not."""
        found = {}
        for change in transaction.install:
            version = version_of(change.new)
            if not _plain(change.key, version):
                found[change.key] = f"{visible(version, 200)}: {_SEVERAL}"
            elif words := too_old(repository, change, self._order):
                found[change.key] = words
        for gone in transaction.remove:
            if not _plain(gone.key, version_of(gone.old)):
                found[gone.key] = _SEVERAL
        return found


def _plain(key: Key, version: str) -> bool:
    """Whether it is one version of a package."""
    short = len(key) <= LONGEST and len(version) <= LONGEST_VERSION and " " not in version
    return bool(short and NAMES.fullmatch(key.decode("ascii", "replace")) and VERSIONS.fullmatch(version))


def _asked(repository: Repository, transaction: Transaction, refused: Mapping[Key, str]) -> dict[str, Any]:
    how = repository.install
    install = [change for change in transaction.install if change.key not in refused]
    # Nothing goes where something does not come.
    remove = transaction.remove if len(install) == len(transaction.install) else ()
    return {
        "install": [[change.key.decode("ascii"), version_of(change.new)] for change in install],
        "remove": [change.key.decode("ascii") for change in remove if change.key not in refused],
        "sudo": how.sudo,
        "held": how.held == "change",
        "erasing": how.besides == "any",
        "patience": repository.host.timeout,
    }


def _check(repository: Repository, told: Mapping[str, Any]) -> None:
    """Raise what keeps all packages from coming."""
    name = repository.name
    if told.get("died"):
        raise ConnectError("dnf was ended while it looked what to do there", where=name)
    if words := _words(told, "barred"):
        raise CommandError(f"{CANNOT}: {words}", where=name, hint="" if repository.install.sudo else _SUDO)
    if words := _words(told, "broken"):
        raise CommandError(f"{CANNOT}: {words}", where=name)
    if words := _words(told, "untrusted"):
        hint = "nothing was changed: trust its key there (rpm --import), or have the repository mended"
        raise IntegrityError(words, where=name, hint=hint)
    if words := _words(told, "locked"):
        raise ConnectError(f"another package manager is at work there: {words}", where=name)
    if words := _words(told, "trouble"):
        raise ConnectError(f"its repositories of packages cannot be reached: {words}", where=name)


def _besides(told: Mapping[str, Any], transaction: Transaction, refused: Mapping[Key, str]) -> tuple[Beside, ...]:
    """Return what would change although nobody asked for it.

    Raises:
        ValueError, TypeError: what is told cannot be true.
    """
    machine = str(told.get("machine", ""))
    coming, going = (_versions(told.get(name), machine) for name in ("in", "out"))
    asked = {change.key for change in (*transaction.install, *transaction.remove) if change.key not in refused}
    needs = {_key(*_parted(name), machine): words for name, words in pairs(told, "needs").items()}
    return tuple(
        Beside(key, going.get(key, ""), coming.get(key, ""), visible(needs.get(key, ""), 100))
        for key in sorted({*coming, *going})
        if key not in asked
    )


def _versions(rows: object, machine: str) -> dict[Key, str]:
    if not isinstance(rows, list):
        raise TypeError("it is no list")
    found = {}
    for name, arch, version in rows:
        if not all(isinstance(one, str) for one in (name, arch, version)):
            raise TypeError("a package has a name, an architecture and a version")
        key = _key(name, arch, machine)
        if not _plain(key, version):
            raise ValueError(f"{visible(name, 80)} {visible(version, 80)} is no package")
        found[key] = version
    return found


def _parted(name: str) -> tuple[str, str]:
    own, _, arch = name.rpartition(".")
    return own, arch


def _key(name: str, arch: str, machine: str) -> Key:
    other = foreign(arch, machine)
    return (f"{name}.{other}" if other else name).encode("ascii", "replace")


def _refusal(repository: Repository, besides: Sequence[Beside]) -> Refusal | None:
    """Return why what would change besides is more than may."""
    policy = repository.install.besides
    more = [one for one in besides if policy == "refuse" or (policy == "dependencies" and (one.old or not one.new))]
    if not more or policy == "any":
        return None
    listed = ", ".join(map(told, more[:_MOST_TOLD])) + (
        f" and {len(more) - _MOST_TOLD} more" if more[_MOST_TOLD:] else ""
    )
    return Refusal(
        f"dnf would also {listed}, which nobody asked for (besides = {policy}): nothing was changed; change these at "
        "the parent, too, exclude what needs them, or say besides = any"
    )


def told(one: Beside) -> str:
    """Return in words what would change besides."""
    name = visible(one.key, 200)
    if not one.new:
        return f"remove {name} {one.old}"
    return f"replace {name} {one.old} by {one.new}" if one.old else f"install {name} {one.new}"


def _words(told: Mapping[str, Any], name: str) -> str:
    return visible(str(told.get(name) or ""), 500)
