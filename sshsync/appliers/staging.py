"""Staging: the one place that knows ``.sshsync/`` on a child, and the only code that makes a file visible."""

import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sshsync.appliers.renames import (
    Renames,
    about,
    grouped,
    in_order,
    line,
    numbers,
    old_lines,
    quickest,
    renamer,
    replaced,
)
from sshsync.appliers.told import Leftover, digest, sizes, touch_time
from sshsync.core.chunks import Copy
from sshsync.errors import CommandError, LeasedError
from sshsync.hosts.conversation import Reply, failure, new_token
from sshsync.hosts.session import Session
from sshsync.kinds.told import told
from sshsync.model.change import Transfer
from sshsync.model.empties import Empties
from sshsync.model.item import Item, Key
from sshsync.model.links import Link
from sshsync.model.row import Stamp
from sshsync.remote import encode, room, scripts
from sshsync.remote.ranges import assembling
from sshsync.remote.room import Room
from sshsync.remote.scripts import OPEN, Command
from sshsync.transfers.load import Load, Loose, Part, by_directory, hexadecimal

_COPY_RATE = 5_000_000
"""Bytes a second that the slowest host is expected to copy; only bounds how long silence is fine."""

_ENDING = 3.0
"""Seconds that a writer whose connection was lost may take to end before what he wrote is copied."""

OWN = scripts.STAGING.encode()
PARTS = OWN + b"/part"
"""Where all that is staged lies, below the root."""


def place_of(load: Load, key: Key) -> Key:
    """Return where a file of a load lies, below `OWN`."""
    place = load.place.encode()
    return place if isinstance(load, Part) else place + b"/" + key


def lies(load: Load, *, together: bool) -> tuple[Key, Callable[[Key], Key]]:
    """Return a directory below the root, and under which name each file of a load lies in it.

    Args:
        together: the directory is the same for all loads; else the files of a load have their own names, but for one
            big file.
    """
    if together:
        return OWN, lambda key: place_of(load, key)
    directory, _, name = load.place.encode().rpartition(b"/")
    if isinstance(load, Part):
        return OWN + b"/" + directory, lambda _key: name
    return OWN + b"/" + load.place.encode(), lambda key: key


class Staging:
    """The staging directory of one child.

    Args:
        session: gives a live session to the child's host; asked anew for every command.
        root: the child's resolved root.
        lease: token of the lease under which it is worked on; "" for tests of a single script.
        group: what all files are given to before they are visible; "" for none.
        keep: name of the run under which files are put aside before they are replaced or deleted; "" for none.
        narrowed: others go on with parts that this work does not want: they stay.

    Attributes:
        durable: False once something was published on a host that cannot flush one file system.
    """

    def __init__(
        self,
        session: Callable[[], Session],
        root: bytes,
        lease: str = "",
        *,
        group: str = "",
        keep: str = "",
        narrowed: bool = False,
    ) -> None:
        self._session = session
        self.root = root
        self._lease = lease
        self._group = {"FILEGROUP": group.encode()} if group else {}
        self._keep = keep
        self._attempts = itertools.count(1)
        self._narrowed = narrowed
        self._spared: frozenset[bytes] = frozenset()
        self.durable = True

    def attempt(self) -> str:
        """Return a name to stage under that nobody ever had: late writers of other attempts write elsewhere."""
        return f"{self._lease or new_token().decode()[:16]}-{next(self._attempts)}"

    def room(self, *, make: bool) -> Room:
        """Return what the root's file system still takes.

        Args:
            make: make the staging directory, without which it cannot be told whether capitals count.
        """
        command = Command(scripts.ROOM, {"ROOT": self.root, "MAKE": b"yes" if make else b"no"})
        return room.parse(self._run(command).check("asking for free space").payload)

    def names(self) -> list[bytes]:
        """Return what lies in staging: ``part/…`` and ``batch/…``, and ``lease/<token>`` of who works there."""
        reply = self._run(Command(scripts.STAGED, {"ROOT": self.root})).check("looking into staging")
        return reply.payload.splitlines()

    def left(self) -> list[bytes]:
        """Return what lies in staging but for leases."""
        return [name for name in self.names() if not name.startswith(b"lease/")]

    def leftovers(self, wanted: Mapping[Key, Transfer], left: Iterable[bytes]) -> Iterator[Leftover]:
        """Yield what of the wanted changes an interrupted attempt left: files of the size that they have, and parts.

        Of several changes to one content each is given a part of its own, as long as there are some.
        """
        names = [name.decode("ascii", "replace") for name in left]
        by_digest: dict[str, deque[Transfer]] = {digest(name): deque() for name in names if name.startswith("part/")}
        parts = self._listed(b".sshsync/part") if by_digest else {}
        for one in wanted.values() if by_digest else ():
            if one.new.digest and (found := by_digest.get(hexadecimal(one.new.digest))) is not None:
                found.append(one)
        if self._narrowed:
            foreign = {digest for digest, changes in by_digest.items() if not changes}
            parts_left = (name for name in names if name.startswith("part/"))
            stems = (name.partition(OPEN)[0] for name in parts_left if digest(name) in foreign)
            self._spared = frozenset(stem.encode() for stem in stems)
        for name in names:
            form, _, base = name.partition("/")
            changes_to = by_digest.get(base.partition(".")[0])
            if form == "part" and changes_to and OPEN not in base and base.encode() in parts:
                changes_to.rotate(-1)
                yield Leftover(name, Part((changes_to[-1],), self.attempt()), parts[base.encode()])
            elif form == "batch" and base.removesuffix(OPEN).replace("-", "").isalnum():
                present = self._listed(b".sshsync/batch/" + base.encode())
                changes = tuple(c for key, c in wanted.items() if present.get(key) == c.size)
                if changes:
                    yield Leftover(name, Loose(changes, self.attempt()))

    def take_over(self, leftover: Leftover) -> None:
        """Bring a leftover under a name of this lease; what somebody may still write to is copied into new files.

        Raises:
            CommandError: it cannot be copied, for want of room or of a tool.
        """
        load = leftover.load
        copy = b"no" if leftover.closed else b"yes"
        variables = {"FROM": leftover.name.encode(), "TO": load.place.encode(), "COPY": copy}
        groups = [] if leftover.closed else by_directory(change.key for change in load.changes)
        command = Command(scripts.TAKE_OVER, self._of(variables))
        self._run(command, grouped(groups), load.size / _COPY_RATE).check("salvaging")

    def carry_on(self, name: str, load: Part) -> int:
        """Go on with a part under a name of this lease; what somebody may still write to is copied into a new file.

        Args:
            name: what the part was called until now, in the directory of parts.
            load: what it becomes.

        Returns:
            The bytes that it has; 0 where it is gone.

        Raises:
            CommandError: it cannot be copied, for want of room or of a tool.
        """
        variables = {"FROM": name.encode(), "TO": load.name.encode(), "WAIT": b"%d" % _ENDING}
        allow = _ENDING + load.size / _COPY_RATE
        token = new_token()
        variables |= self._session().capabilities.stat_words(token)
        reply = self._run(Command(scripts.CARRY_ON, self._of(variables)), allow=allow, token=token)
        return sizes(reply.check("going on with a part"), token).get(load.name.encode(), 0)

    def copy(self, load: Part, copies: Sequence[Copy]) -> None:
        """Copy ranges of files below the root into a part; what of it they are not about stays as it is.

        Raises:
            HostError: the host failed; nothing of it counts.
        """
        programs = self._session().capabilities.cutters
        command, lines = assembling(self.root, load.name.encode(), b"copies", copies, programs)
        allow = sum(copy.length for copy in copies) / _COPY_RATE + len(copies)
        self._run(command, lines, allow).check("copying what is there already")

    def clear(self, keep: Collection[str] = ()) -> None:
        """Remove everything from staging but what lies at the places to keep, with the marks of who writes there."""
        kept = {place.encode() for place in keep}
        mark = OPEN.encode()
        self.discard(name for name in self.left() if name.partition(mark)[0] not in kept | self._spared)

    def discard(self, names: Iterable[bytes]) -> None:
        """Remove the named things from staging."""
        lines = encode.lines(names)
        if lines:
            self._run(Command(scripts.DISCARD, self._of({})), lines, 300.0).check("clearing staging")

    def mark(self, loads: Iterable[Load]) -> None:
        """Set mode and time of staged files; a time that not every tool can set is left to `adjust`."""
        items = [(place_of(load, change.key), change.new.portable()) for load in loads for change in load.changes]
        if items:
            self._mark(OWN, items).check("setting mode and time")

    def adjust(self, items: Iterable[Item]) -> list[Key]:
        """Set mode, time and group of files in place; return the keys that the host refused."""
        marked = [(item.key, item) for item in items]
        if not marked:
            return []
        reply = self._mark(b".", marked, self._group)
        failed = numbers(reply)
        if reply.status and not failed:
            reply.check("setting mode and time")
        return [marked[number][0] for number in failed if number < len(marked)]

    def publish(
        self,
        loads: Iterable[Load],
        in_the_way: Iterable[Key] = (),
        *,
        empty: bool = False,
        present: set[Key] | None = None,
        tell: Callable[[Mapping[Key, Stamp]], None] = lambda _stamps: None,
    ) -> dict[Key, str]:
        """Make staged files visible: flush, rename directory by directory, flush. Safe to repeat.

        The caller has compared the digests of the staged files before. A directory that the child lacks is renamed
        as a whole: each of its files appears complete, as any other does.

        Args:
            loads: what is staged.
            in_the_way: listed files that are removed just before, with the directories that this empties, because
                a directory is wanted where they are or a file where their directory is.
            empty: empty directories make room for files.
            present: directories that the child has as far as is known; those of the loads are added. None when nothing
                is known of them: then each file is renamed by itself.
            tell: takes the stamps that files bear in their place; not of those that an earlier try had moved.

        Returns:
            The keys that the host refused, with its words.

        Raises:
            HostError: nothing can be said about the load; publishing it again tells.
        """
        loads, in_the_way = tuple(loads), tuple(in_the_way)
        made, token = Renames(loads, present), new_token()
        able = self._session().capabilities
        runs = quickest(able)
        variables = {"EMPTY": b"yes" if empty else b"", **self._group, **able.stat_words(token), **renamer(runs)}
        old = old_lines(loads, in_the_way) if self._keep else b""
        lines = made.ready() + old + b"".join(line(b"R", key) for key in in_the_way) + made.lines()
        # Of a directory that is renamed as a whole, each file is told.
        command = Command(scripts.PUBLISH, {**variables, **self._aside(runs)}, names=len(made.files))
        reply = self._flushed(command, lines, token, replaced(loads) if self._keep else 0)
        tell(told(reply.payload, token))
        refused = self._refused(reply, made.order, "publishing")
        if present is not None:
            present |= made.present
        if any(name not in made.files for name in refused):
            # Something is there that no listing told of: now that the directory is known, its files go one by one.
            return self.publish(loads, in_the_way, empty=empty, present=present, tell=tell)
        return refused

    def below(self, key: Key) -> list[Key]:
        """Return what lies in a directory of the child, whatever it is; nothing where there is no such directory."""
        try:
            return list(self._listed(b"./" + key))
        except CommandError:
            return []

    def delete(self, keys: Iterable[Key], size: int = 0) -> dict[Key, str]:
        """Delete files, and the directories that this empties. Safe to repeat.

        Args:
            keys: what is deleted.
            size: bytes that they have, where that is known: so many may have to be copied to be put aside.

        Returns:
            The keys that the host refused, with its words.
        """
        order = in_order(by_directory(keys))
        runs = quickest(self._session().capabilities) if self._keep else ""
        variables = {"RUN": scripts.LINKERS[runs].run.encode()} if runs else {}
        command = Command(scripts.DELETE, variables | self._aside(runs))
        reply = self._flushed(command, encode.lines(order), copied=size if self._keep else 0)
        return self._refused(reply, order, "deleting")

    def rotate(self, count: int) -> None:
        """Remove what is put aside, but for what the last so many runs put there. Safe to repeat."""
        variables = {"KEEP": self._keep.encode(), "COUNT": b"%d" % count}
        self._run(Command(scripts.ROTATE, self._of(variables)), allow=300.0).check("removing what was kept")

    def link(self, links: Sequence[Link], *, empty: bool = False) -> dict[Key, str]:
        """Make symbolic links, each in the place of another one, or of a file that is to go. Safe to repeat.

        Args:
            empty: empty directories make room for links.

        Returns:
            The keys that the host refused, with its words.
        """
        runs = quickest(self._session().capabilities)
        variables = {"BATCH": self.attempt().encode(), "EMPTY": b"yes" if empty else b"", **renamer(runs)}
        lines = b"".join(line(b"T", one.target) + line(b"O" if one.key in one.over else b"M", one.key) for one in links)
        reply = self._flushed(Command(scripts.LINK, variables | self._aside(runs)), lines)
        return self._refused(reply, [one.key for one in links], "making links")

    def arrange(self, empties: Empties) -> tuple[Empties, dict[Key, str]]:
        """Remove directories, and make others. Safe to repeat.

        Returns:
            Those that are gone and there now, and the keys that the host refused, with its words.
        """
        order = [*empties.remove, *empties.make]
        lines = b"".join(line(b"R" if n < len(empties.remove) else b"M", key) for n, key in enumerate(order))
        reply = self._flushed(Command(scripts.ARRANGE), lines)
        refused = self._refused(reply, order, "making and removing directories")
        stay = {order[number] for number in numbers(reply, b"stays ") if number < len(order)}
        make, remove = (
            [k for k in keys if k not in refused and k not in stay] for keys in (empties.make, empties.remove)
        )
        return Empties(tuple(make), tuple(remove)), refused

    def _refused(self, reply: Reply, order: list[Key], doing: str) -> dict[Key, str]:
        failed = numbers(reply)
        if reply.status and not failed:
            raise failure(reply.label, doing, reply.status, reply.errors)
        said = reply.errors.strip().splitlines()
        return {order[number]: about(order[number], said) for number in failed if number < len(order)}

    def _aside(self, runs: str) -> dict[str, bytes]:
        """Return what a script needs to put files aside; `runs` is the interpreter that it may use."""
        if not self._keep:
            return {}
        linker = {"LINKER": scripts.LINKERS[runs].text.encode()} if runs else {}
        return {"KEEP": self._keep.encode(), **linker}

    def _flushed(self, command: Command, lines: bytes, token: bytes = b"", copied: int = 0) -> Reply:
        sync = self._session().capabilities.sync.encode()
        self.durable = self.durable and bool(sync)
        variables = self._of({**command.variables, "SYNC": sync})
        return self._run(replace(command, variables=variables), lines, 300.0 + copied / _COPY_RATE, token)

    def _listed(self, below: bytes) -> dict[Key, int]:
        token = new_token()
        words = self._session().capabilities.stat_words(token)
        command = Command(scripts.BELOW, {"ROOT": self.root, "BELOW": below, **words})
        reply = self._session().run(command, token=token).check("listing")
        return sizes(reply, token)

    def _mark(self, below: bytes, items: Iterable[tuple[Key, Item]], group: dict[str, bytes] | None = None) -> Reply:
        lines = b"".join(
            b"%03o %s %s\n" % (item.mode & 0o777, touch_time(item.mtime), encode.name(key)) for key, item in items
        )
        return self._run(Command(scripts.MARK, self._of({"BELOW": below, **(group or {})})), lines, allow=60.0)

    def _of(self, variables: dict[str, bytes]) -> dict[str, bytes]:
        """Add what a script needs that changes something: the root, and the lease under which it may."""
        return {"ROOT": self.root, "LEASE": self._lease.encode(), **variables}

    def _run(self, command: Command, stdin: bytes = b"", allow: float = 0.0, token: bytes = b"") -> Reply:
        reply = self._session().run(command, stdin, allow=allow, token=token)
        if reply.status == scripts.LOST:
            raise LeasedError.taken_over(reply.label)
        return reply
