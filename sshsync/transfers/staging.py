"""Staging: the one place that knows ``.sshsync/`` on a child, and the only code that makes a file visible."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from sshsync.core.batch import Batch, Form, by_directory
from sshsync.errors import ListingError
from sshsync.model.change import Change
from sshsync.model.item import Item, Key
from sshsync.remote import encode, room, scripts
from sshsync.remote.encode import visible
from sshsync.remote.frame import records
from sshsync.remote.room import Room
from sshsync.remote.scripts import Command
from sshsync.transports.session import Reply, Session, failure, new_token


class Staging:
    """The staging directory of one child.

    Args:
        session: gives a live session to the child's host; asked anew for every command.
        root: the child's resolved root.
    """

    def __init__(self, session: Callable[[], Session], root: bytes) -> None:
        self._session = session
        self.root = root

    @property
    def durable(self) -> bool:
        """Whether the host can flush one file system."""
        return bool(self._session().capabilities.sync)

    def room(self, *, make: bool) -> Room:
        """Return what the root's file system still takes.

        Args:
            make: make the staging directory, without which it cannot be told whether capitals count.
        """
        command = Command(scripts.ROOM, {"ROOT": self.root, "MAKE": b"yes" if make else b"no"})
        return room.parse(self._run(command).check("looking for room").payload)

    def names(self) -> list[bytes]:
        """Return what lies in staging: ``part/<digest>`` and ``batch/<id>``."""
        reply = self._run(Command(scripts.STAGED, {"ROOT": self.root})).check("looking into staging")
        return reply.payload.splitlines()

    def leftovers(self, wanted: Mapping[Key, Change]) -> Iterator[tuple[str, Batch]]:
        """Yield what an interrupted run left of the wanted changes, with the name of the batch it lies in."""
        by_digest = {c.new.digest.partition(":")[2]: c for c in wanted.values() if c.new and c.new.digest}
        for name in self.names():
            form, _, base = name.decode("ascii", "replace").partition("/")
            if form == "part" and base in by_digest:
                batch = Batch(Form.PART, (by_digest[base],))
                yield batch.id, batch
            elif form == "batch" and base.isalnum():
                present = self._listed(b".sshsync/batch/" + base.encode())
                changes = tuple(c for key, c in wanted.items() if present.get(key) == c.size)
                if changes:
                    yield base, Batch(Form.PACK, changes)

    def clear(self) -> None:
        """Remove everything from staging."""
        self.discard(self.names())

    def discard(self, names: Iterable[bytes]) -> None:
        """Remove the named things from staging."""
        lines = encode.lines(names)
        if lines:
            self._run(Command(scripts.DISCARD, {"ROOT": self.root}), lines).check("clearing staging")

    def mark(self, batch: Batch, batch_id: str) -> None:
        """Set mode and time of staged files; a time that not every tool can set is left to `adjust`."""
        part = batch.part.encode()
        below = b".sshsync/part" if part else b".sshsync/batch/" + batch_id.encode()
        items = [(part or change.key, change.new.portable()) for change in batch.changes if change.new]
        self._mark(below, items).check("setting mode and time")

    def adjust(self, items: Iterable[Item]) -> list[Key]:
        """Set mode and time of files in place; return the keys that the host refused."""
        marked = [(item.key, item) for item in items]
        if not marked:
            return []
        reply = self._mark(b".", marked)
        failed = _numbers(reply)
        if reply.status and not failed:
            reply.check("setting mode and time")
        return [marked[number][0] for number in failed if number < len(marked)]

    def publish(self, batch: Batch, batch_id: str) -> dict[Key, str]:
        """Make staged files visible: flush, rename directory by directory, flush. Safe to repeat.

        The caller has compared the digests of the staged files before.

        Returns:
            The keys that the host refused, with its words.

        Raises:
            HostError: nothing can be said about the batch; it has to be looked at again.
        """
        groups = list(by_directory(change.key for change in batch.changes))
        variables = {"ROOT": self.root, "BATCH": batch_id.encode(), "PART": batch.part.encode()}
        variables |= self._session().capabilities.stat_words(b"")
        if batch.form is Form.PART:
            directory, _, base = batch.changes[0].key.rpartition(b"/")
            variables |= {"PARTDIR": directory or b".", "PARTNAME": (directory + b"/" if directory else b"") + base}
        reply, order = self._by_directory(scripts.PUBLISH, variables, groups)
        return self._refused(reply, order, "publishing")

    def delete(self, keys: Iterable[Key]) -> None:
        """Delete files, and the directories that this empties.

        Raises:
            CommandError: the host refused some.
        """
        groups = list(by_directory(keys))
        reply, _ = self._by_directory(scripts.DELETE, {"ROOT": self.root}, groups)
        reply.check("deleting")

    def _refused(self, reply: Reply, order: list[Key], doing: str) -> dict[Key, str]:
        failed = _numbers(reply)
        if reply.status and not failed:
            raise failure(reply.label, doing, reply.status, reply.errors)
        said = reply.errors.strip().splitlines()
        return {order[number]: _about(order[number], said) for number in failed if number < len(order)}

    def _by_directory(
        self, script: scripts.Script, variables: dict[str, bytes], groups: list[tuple[Key, list[Key]]]
    ) -> tuple[Reply, list[Key]]:
        lines: list[bytes] = []
        order: list[Key] = []
        for directory, names in groups:
            lines.append(b"G" + encode.name(directory) + b"\n")
            lines += (b"F" + encode.name(name) + b"\n" for name in names)
            order += (name if directory == b"." else directory + b"/" + name for name in names)
        sync = self._session().capabilities.sync.encode()
        command = Command(script, {**variables, "SYNC": sync})
        return self._run(command, b"".join(lines), allow=300.0), order

    def _listed(self, below: bytes) -> dict[Key, int]:
        token = new_token()
        words = self._session().capabilities.stat_words(token)
        command = Command(scripts.LIST, {"ROOT": self.root, "BELOW": below, **words})
        reply = self._session().run(command, token=token)
        found = {}
        for record in records(reply.payload, token):
            fields = record.split(b" ", 5)
            if len(fields) != 6 or not fields[1].isdigit():
                raise ListingError("staging cannot be listed", where=reply.label)
            found[fields[5][2:]] = int(fields[1])
        return found

    def _mark(self, below: bytes, items: Iterable[tuple[Key, Item]]) -> Reply:
        lines = b"".join(
            b"%03o %s %s\n" % (item.mode & 0o777, _touch_time(item.mtime), encode.name(key)) for key, item in items
        )
        return self._run(Command(scripts.MARK, {"ROOT": self.root, "BELOW": below}), lines, allow=60.0)

    def _run(self, command: Command, stdin: bytes = b"", allow: float = 0.0) -> Reply:
        return self._session().run(command, stdin, allow=allow)


def _touch_time(seconds: int) -> bytes:
    """The time as ``touch -t`` wants it (POSIX: CCYYMMDDhhmm.SS, here in UTC); what it refuses for other years."""
    try:
        at = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    except OverflowError:
        return b"-"
    return f"{at.year:04}{at:%m%d%H%M.%S}".encode()


def _about(key: Key, said: list[bytes]) -> str:
    """Return what the host said about one item: the lines that name it or its directory, else all."""
    directory, _, base = key.rpartition(b"/")
    lines = [line for line in said if _mentions(line, base)]
    lines = lines or [line for line in said if directory and _mentions(line, directory.rpartition(b"/")[2])]
    return visible(b"; ".join(lines or said), 300) or "the host refused it"


def _mentions(line: bytes, name: bytes) -> bool:
    return any(b"/" + name + end in line for end in (b"'", b":", b'"', b" "))


def _numbers(reply: Reply) -> list[int]:
    words = [line.split() for line in reply.payload.splitlines() if line.startswith(b"failed ")]
    return [int(word[1]) for word in words if len(word) == 2 and word[1].isdigit()]
