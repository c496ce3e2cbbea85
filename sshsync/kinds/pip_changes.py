"""Changes of what a Python has installed, by the environment's own pip; see `Installer`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sshsync.errors import CommandError, ConnectError, DeadlineError, IntegrityError, LeasedError, ToolMissingError
from sshsync.kinds.base import Dialogue, Subject
from sshsync.kinds.installing import Said, Transaction
from sshsync.kinds.packages import PARTIAL, listed, version_of
from sshsync.kinds.pip import NAMES, VERSIONS, Pip, answered, job, normalized, shown
from sshsync.model.change import Replace, Transfer
from sshsync.model.item import Key
from sshsync.model.prepared import Outlook, Refusal
from sshsync.model.topology import Repository
from sshsync.model.words import complaint, visible
from sshsync.remote.frame import records
from sshsync.remote.scripts import Status

STALLED = 900
"""Seconds after which nobody waits any longer for a job that neither uses the processor nor writes anything."""
MOST_LOOKS = 20_000
"""Looks of about 4 s after which nobody waits any longer for one job, whatever it does: a day. Whoever looks can be
interrupted only behind a look."""
_CANNOT = "packages cannot be changed there"
_ADVICE = "it goes on there, and the next run waits for it: look what it does, then run again"


class PipChanges:
    """See `Installer`.

    Args:
        order: tells of two versions which one is older.
    """

    def __init__(self, order: Callable[[str, str], int | None]) -> None:
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
            told = yield from self._job(subject, "fetch", transaction.id, _asked(repository, install))
            self._check(repository, told)
            lacking, wrong = _pairs(told, "refused"), _texts(told, "distrusted")
            for key in (change.key for change in install if change.key.decode("ascii") in lacking):
                name = key.decode("ascii")
                refused[key] = _lacking(repository, lacking[name])
                codes[key] = IntegrityError.code if name in wrong else PARTIAL
        return Outlook(refused, codes)

    def apply(self, subject: Subject, transaction: Transaction, lease: str) -> Dialogue[Said]:
        """See `Installer`."""
        asked = {
            **_asked(subject.repository, transaction.install),
            "remove": [change.key.decode("ascii") for change in transaction.remove],
            "fetched": transaction.fetched,
            "lease": lease,
        }
        told = yield from self._job(subject, "apply", transaction.id, asked)
        if told.get("died"):
            return Said("pip was ended before it was through: was the host started anew?")
        words = _words(told, "words")
        found = {}
        for line in _texts(told, "complaints"):
            said = visible(shown(line), 300)
            found[normalized(said.split(" ")[0]).encode("ascii", "replace")] = f"pip check: {said}"
        return Said(f"pip: {words}" if words else "", found)

    def keep(self, subject: Subject, transaction: Transaction, run: str, lease: str) -> Dialogue[None]:
        """See `Installer`."""
        yield from self._ask(subject, "keep", {"id": transaction.id, "run": run, "lease": lease})

    def rotate(self, subject: Subject, keep: int, lease: str) -> Dialogue[None]:
        """See `Installer`."""
        yield from self._ask(subject, "rotate", {"keep": keep, "lease": lease})

    def settle(self, subject: Subject) -> Dialogue[None]:
        """See `Installer`."""
        for _ in range(MOST_LOOKS):
            told = yield from self._ask(subject, "settle", {})
            if not told.get("busy"):
                return
            _stalled(subject.repository, told)
        raise DeadlineError("packages are being changed there for a day", where=subject.repository.name, hint=_ADVICE)

    def clear(self, subject: Subject, lease: str, ids: Collection[str] = ()) -> Dialogue[None]:
        """See `Installer`."""
        for name in ids or ("",):
            yield from self._ask(subject, "clear", {"lease": lease, "id": name})

    def _unsayable(self, repository: Repository, changes: Sequence[Transfer]) -> Mapping[Key, str]:
        """Return what pip cannot be asked for, or may not."""
        found = {}
        for change in changes:
            version = version_of(change.new)
            if not NAMES.fullmatch(change.key.decode("ascii", "replace")) or not VERSIONS.fullmatch(version):
                found[change.key] = f"no index has {visible(version, 200)}: install it by hand, or exclude it"
            elif isinstance(change, Replace) and not repository.install.downgrade and self._is_down(change):
                found[change.key] = f"{version} is older than {version_of(change.old)} there (downgrade = no)"
        return found

    def _is_down(self, change: Replace) -> bool:
        return (self._order(version_of(change.new), version_of(change.old)) or 0) < 0

    def _job(self, subject: Subject, mode: str, name: str, asked: Mapping[str, Any]) -> Dialogue[dict[str, Any]]:
        """Have a job begun, or find it, and return what became of it."""
        told = yield from self._ask(subject, mode, {**asked, "id": name})
        for _ in range(MOST_LOOKS):
            if told.get("absent"):
                # Whatever else was at work there has ended.
                yield from self.settle(subject)
                told = yield from self._ask(subject, mode, {**asked, "id": name})
            if not told.get("busy"):
                return told
            _stalled(subject.repository, told)
            told = yield from self._ask(subject, "wait", {"id": name})
        raise DeadlineError("pip is at work there for a day", where=subject.repository.name, hint=_ADVICE)

    def _ask(self, subject: Subject, mode: str, asked: Mapping[str, Any]) -> Dialogue[dict[str, Any]]:
        repository = subject.repository
        answer = yield job(repository, mode, asked)
        if answer.status == Status.LOST:
            raise LeasedError.taken_over(repository.name)
        if answer.status:
            said = complaint(answer.errors) or f"exit status {answer.status}"
            raise CommandError(f"{_CANNOT}: {said}", where=repository.name)
        try:
            return answered(records(answer.payload, subject.token)[0])
        except (ValueError, IndexError) as error:
            raise CommandError(f"what is told of its jobs cannot be true: {error}", where=repository.name) from None

    def _check(self, repository: Repository, told: Mapping[str, Any]) -> None:
        """Raise what keeps all packages from coming."""
        name = repository.name
        if told.get("died"):
            raise ConnectError("pip was ended while it fetched packages there", where=name)
        if words := _words(told, "broken"):
            raise CommandError(f"{_CANNOT}: {words}", where=name)
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


def _stalled(repository: Repository, told: Mapping[str, Any]) -> None:
    """Raise when a job has stood still for too long."""
    quiet = told.get("quiet", 0)
    if isinstance(quiet, int) and quiet > STALLED:
        words = f"pip is at work there and has done nothing for {quiet // 60} min"
        raise DeadlineError(words, where=repository.name, hint=_ADVICE)


def _words(told: Mapping[str, Any], name: str) -> str:
    return visible(shown(str(told.get(name) or "")), 500)


def _pairs(told: Mapping[str, Any], name: str) -> Mapping[str, str]:
    found = told.get(name)
    return {str(key): str(words) for key, words in found.items()} if isinstance(found, dict) else {}


def _texts(told: Mapping[str, Any], name: str) -> Sequence[str]:
    found = told.get(name)
    return [str(one) for one in found] if isinstance(found, list) else ()
