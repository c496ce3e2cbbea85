"""Restoring: what a run put aside is copied, verified, and takes its place again; what stands there is put aside."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from sshsync.appliers.base import Site
from sshsync.appliers.looks import Looks
from sshsync.appliers.renames import about
from sshsync.appliers.staging import OWN, Staging
from sshsync.core.chunks import Copy as Range
from sshsync.errors import CommandError, HostError, StorageFullError
from sshsync.hosts.asking import Asking
from sshsync.kinds.kept import kept
from sshsync.model.change import Copy, Replace, Transfer
from sshsync.model.item import Item, Key
from sshsync.model.kept import Kept, Restored
from sshsync.model.row import Digest
from sshsync.model.topology import Repository
from sshsync.remote import encode, scripts
from sshsync.remote.ranges import making
from sshsync.remote.scripts import Command
from sshsync.transfers.load import Loose

_COPY_RATE = 5_000_000
"""Bytes a second that the slowest host is expected to copy; only bounds how long silence is fine."""


class Restoring:
    """What the appliers of files bring back; see `Appliers`.

    Args:
        asking: how hosts are spoken to.
        looks: what digests are made by.
    """

    def __init__(self, asking: Asking, looks: Looks) -> None:
        self._asking = asking
        self._looks = looks

    def kept(self, repository: Repository) -> tuple[bytes, list[Kept]] | None:
        """See `Appliers`."""
        subject = self._asking.subject(repository)
        return self._asking.converse(subject, kept(subject))

    def restore(self, site: Site, wanted: Sequence[Kept]) -> list[Restored]:
        """See `Appliers`."""
        return _Restorer(site, self._asking, self._looks).restore(wanted)


class _Restorer:
    """Brings back what is kept of one repository."""

    def __init__(self, site: Site, asking: Asking, looks: Looks) -> None:
        self._asking = asking
        self._looks = looks
        self._repository = repository = site.child
        self._root = site.root
        self._run = site.keep
        self._places: list[bytes] = []
        self._said: list[bytes] = []
        group = repository.file_group
        self._staging = Staging(lambda: asking.session(repository), site.root, site.lease, group=group, keep=site.keep)

    def restore(self, wanted: Sequence[Kept]) -> list[Restored]:
        """Bring items back."""
        there = self._looks.look(self._repository, self._root, [one.item.key for one in wanted]).items
        digests = self._digests(wanted)
        known = {one.item.key: one.item.digested(digests.get((one.run, one.item.key))) for one in wanted}
        changes = [_change(item, there.get(key)) for key, item in known.items() if item.digest]
        try:
            load = self._asking.retry(self._repository, "restore", lambda: self._copied(changes, wanted))
            refused = self._published(load)
        finally:
            # What a try made whose answer was lost lies there, too; without the host the next run clears it away.
            with suppress(HostError):
                self._staging.discard(self._places)
        return [self._told(one, known[one.item.key], refused, there) for one in wanted]

    def _told(self, one: Kept, item: Item, refused: Mapping[Key, str], there: Mapping[Key, Item]) -> Restored:
        if not item.digest:
            return Restored(one, reason="it cannot be read")
        if words := refused.get(item.key):
            return Restored(one, reason=words)
        return Restored(one, item.digest, aside=self._run if item.key in there else "")

    def _digests(self, wanted: Iterable[Kept]) -> dict[tuple[str, Key], Digest | None]:
        """Return the digests of what is kept, where it lies."""
        sizes: dict[str, dict[Key, int]] = {}
        for one in wanted:
            sizes.setdefault(one.run, {})[one.item.key] = one.item.size
        return {
            (run, key): digest
            for run, asked in sizes.items()
            for key, digest in self._looks.digests(self._repository, self._root, _below(run), asked).items()
        }

    def _copied(self, changes: Sequence[Transfer], wanted: Iterable[Kept]) -> Loose:
        """Copy files into staging, each try under a name of its own. What cannot be copied is missing there."""
        load = Loose(tuple(changes), self._staging.attempt())
        sources = {one.item.key: _below(one.run) + b"/" + one.item.key for one in wanted}
        self._places.append(load.place.encode())
        session = self._asking.session(self._repository)
        batch = load.attempt.encode()
        if programs := session.capabilities.cutters:
            parts = ((c.new, (Range(0, c.size, sources[c.key], 0),) if c.size else ()) for c in changes)
            command, lines = making(self._root, batch, parts, programs)
        else:
            pairs = ((encode.name(change.key), encode.name(sources[change.key])) for change in changes)
            command = Command(scripts.REUSE, {"ROOT": self._root, "BATCH": batch})
            lines = b"".join(b"T%s\nF%s\n" % pair for pair in pairs)
        allow = 60.0 + len(changes) / 10 + load.size / _COPY_RATE
        reply = session.run(command, lines, allow=allow)
        self._said = reply.errors.strip().splitlines()
        try:
            reply.check("copying what is kept")
        except StorageFullError:
            raise
        except CommandError:
            # What of it was copied is found out by the digests.
            pass
        return load

    def _published(self, load: Loose) -> dict[Key, str]:
        """Make visible what was copied as it is; return what was not, with the reason."""
        below = OWN + b"/" + load.place.encode()
        sizes = {change.key: change.size for change in load.changes}
        made = self._looks.digests(self._repository, self._root, below, sizes) if sizes else {}
        good = load.only(change for change in load.changes if made.get(change.key) == change.new.digest)
        lacking = set(sizes).difference(change.key for change in good.changes)
        wrong = "its copy is not what is kept"
        refused = {key: wrong if made.get(key) else f"it cannot be copied: {about(key, self._said)}" for key in lacking}
        if good.changes:
            refused |= self._asking.retry(self._repository, "restore", lambda: self._staging.publish([good]))
        return refused


def _below(run: str) -> bytes:
    return OWN + b"/replaced/" + run.encode()


def _change(item: Item, there: Item | None) -> Transfer:
    return Replace(there, item) if there else Copy(item)
