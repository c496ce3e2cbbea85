"""Listings of files: what is asked for, and how the answers are read; nothing in them is trusted."""

import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from sshsync.kinds.base import Answer, Dialogue, Remark, Request, Subject
from sshsync.kinds.inflated import Inflated
from sshsync.kinds.leads import Followed, Leads
from sshsync.kinds.omitted import Omitted
from sshsync.kinds.refusals import checked
from sshsync.kinds.told import REGULAR, stamp_of, suspicious, usual, usual_of
from sshsync.kinds.unlisted import unlisted
from sshsync.model.empties import Directories
from sshsync.model.item import Items, Key, Sealed, Sight, Snapshot
from sshsync.model.policy import LOCAL
from sshsync.model.problem import Problem
from sshsync.model.row import Stamp
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.remote import encode, packing, scripts
from sshsync.remote.frame import PLAIN, Digested, FrameError, Records
from sshsync.remote.scripts import STAGING, Command

LISTING_PATIENCE = 240.0
"""Seconds that a listing may be silent beyond the host's timeout: huge directories print late."""

_UNGROUPED = b"group ./"
"""How a record begins that names a file of another group than is asked for. What stat tells begins with a number."""

L = TypeVar("L", bound="Listing")


def paths(payload: bytes, root: bytes, name: str) -> list[Key]:
    """Read what a `listcmd` printed: NUL-separated when it holds a NUL, else lines.

    Raises:
        ListingError: an entry is not below the root, is not a clean path, or stands there twice.
    """
    entries = payload.split(b"\0") if b"\0" in payload else payload.split(b"\n")
    if entries and not entries[-1]:
        entries.pop()
    prefix = root.rstrip(b"/") + b"/"
    keys: dict[Key, None] = {}
    for entry in entries:
        if not entry.startswith(prefix):
            raise suspicious(name, entry, f"is not below {visible(root)}")
        key = entry[len(prefix) :]
        if _ours(key):
            continue
        _check_key(key, name)
        if key in keys:
            raise suspicious(name, key, "is listed twice")
        keys[key] = None
    return list(keys)


def asked_for(repository: Repository) -> dict[str, bytes]:
    """Return the variable with which a listing tells what is of another group than is asked for; none for none."""
    group = repository.file_group if repository.parent else ""
    return {"FILEGROUP": group.encode()} if group else {}


def checked_root(root: bytes, name: str) -> bytes:
    """Return a resolved root: a symbolic link may lead anywhere, but not to nowhere and not to the whole host."""
    parts = root.split(b"/")[1:]
    clean = root.startswith(b"/") and not any(part in (b"", b".", b"..") for part in parts)
    if not clean or any(byte in root for byte in b"\0\n"):
        raise suspicious(name, root, "is no directory that a root could be")
    return root


def list_all(subject: Subject, root: bytes) -> Dialogue[Snapshot]:
    """List all files below a root, by the operator's template or built in; none has a digest yet.

    Args:
        root: where it is, as it is configured or already resolved. One that is missing is made if the subject says so,
            else the snapshot tells that it did not exist.

    Returns:
        What was listed; sealed where that is what is known.
    """
    template = subject.repository.commands.listing
    # A master's root is never made, so nobody has to be able to.
    make = b"yes" if subject.create else b"later" if subject.repository.parent else b"no"
    if template:
        found = yield from _by_template(subject, {"ROOT": root, "MAKE": make, "TEMPLATE": template.encode()})
        return found
    reading, answer = yield from listed(subject, {"ROOT": root, "MAKE": make}, Listing(subject, known=subject.known))
    if answer.status == scripts.MISSING:
        return _missing(subject)
    found = reading.snapshot(answer)
    if answer.status and not found.items and not reading.others:
        checked(answer, subject, "listing")
    return found


def listed(subject: Subject, variables: dict[str, bytes], reading: L) -> Dialogue[tuple[L, Answer]]:
    """Have a root listed, compressed where it comes from another machine that can: a sixth of the bytes is left."""
    able = subject.capabilities
    leads = {"LINKS": able.leads.encode()} if subject.links else {}
    told = able.list_words(subject.token, follow=subject.repository.followed)
    words = {**variables, **asked_for(subject.repository), **told, **leads}
    tool = packing.best(able.tools)
    if tool and subject.repository.host.transport != LOCAL:
        opening = Inflated(reading, tool, subject.repository.name)
        command = Command(scripts.LIST, {**words, "PACK": tool.encode()})
        answer = yield Request(command, allow=LISTING_PATIENCE, reader=opening)
        opening.end(answer.status)
        if not opening.damaged:
            return reading, answer
        yield Remark(f"what its {tool} sends is damaged ({opening.damaged}): it is listed again as it is")
    answer = yield Request(Command(scripts.LIST, words), allow=LISTING_PATIENCE, reader=reading)
    return reading, answer


def opened(subject: Subject, sealed: Snapshot, listing: Iterable[bytes]) -> Snapshot:
    """Return what a sealed snapshot holds, out of its compressed pieces; none of it has a digest yet."""
    reading = Listing(subject)
    for piece in listing:
        reading.read(zlib.decompress(piece))
    found = reading.snapshot(Answer(0, b"", b""))
    return replace(
        sealed,
        items=found.items,
        unmarked=found.unmarked,
        directories=found.directories,
        links=found.links,
        followed=found.followed,
        astray=found.astray,
    )


def _by_template(subject: Subject, variables: dict[str, bytes]) -> Dialogue[Snapshot]:
    command = Command(scripts.TEMPLATE_LIST, {**variables, **asked_for(subject.repository)})
    answer = yield Request(command, allow=LISTING_PATIENCE)
    if answer.status == scripts.MISSING:
        return _missing(subject)
    head, _, listed = checked(answer, subject, "listcmd").payload.partition(subject.token + b" listed\n")
    place = Listing(subject)
    place.feed(head)
    root, left = place.head()
    seen = yield from stat_named(subject, root, paths(listed, root, subject.repository.name))
    # Names that somebody gave tell of links only where one of them is one.
    return replace(seen, left=left, followed=seen.followed or None)


def _missing(subject: Subject) -> Snapshot:
    none: frozenset[Key] = frozenset()
    directories = Directories(none, none) if subject.directories else None
    root = subject.repository.path.encode()
    links: dict[Key, bytes] | None = {} if subject.links else None
    return Snapshot(subject.repository.name, root, {}, existed=False, directories=directories, links=links)


def stat_named(subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
    """Stat files by their names; nothing is asked when there are none."""
    if not keys:
        return Snapshot(subject.repository.name, root, {})
    told = subject.capabilities.stat_words(subject.token, follow=subject.repository.followed)
    words = {**asked_for(subject.repository), **told}
    command = Command(scripts.STAT, {"ROOT": root, **words})
    reading = Listing(subject, root)
    answer = yield Request(command, encode.lines(keys), LISTING_PATIENCE, reading)
    seen = reading.snapshot(answer)
    wanted = set(keys)
    strange = next((key for key in seen.items if key not in wanted), None)
    if strange is not None:
        raise suspicious(subject.repository.name, strange, "was not asked for")
    gone = [key for key in keys if key not in seen.items]
    if len(gone) <= reading.others or (answer.status and not seen.problems):
        return replace(seen, complete=True, problems=())
    return replace(seen, complete=False, problems=seen.problems or (Problem(gone[0], "stat tells nothing of it"),))


class Listing:
    """Reads where a root is, what lies in its staging, and a stat tool's records; see `Reader`.

    Args:
        subject: what is listed.
        root: the resolved root, where that is known and not told.
        known: what nobody needs to read when it is listed again.
    """

    def __init__(self, subject: Subject, root: bytes = b"", known: Sight | None = None) -> None:
        self._subject = subject
        self._known = root
        self._sight = known
        self.begin()

    def begin(self) -> None:
        """See `Reader`."""
        subject = self._subject
        self._digested = Digested(subject.token)
        self._records = Records(PLAIN)
        self._unread: list[bytes] = []
        self._root = self._known
        self._left: list[bytes] = []
        self._items = Items()
        self._unmarked: list[Key] = []
        asks = subject.repository.followed and bool(subject.capabilities.resolves)
        self._followed = Followed(subject.repository.name) if asks else None
        self._leads = Leads(subject.repository.name) if subject.links and not self._known else None
        self._omitted = Omitted(
            subject.wanted, subject.leaves, subject.spares, named=bool(self._known), keep=subject.directories
        )

    def feed(self, piece: bytes) -> None:
        """See `Reader`."""
        try:
            plain = self._digested.feed(piece)
        except FrameError as error:
            raise suspicious(self._subject.repository.name, error.noise, "is no answer of stat") from None
        if self._sight:
            # Mostly nobody reads it, and there may be a million names: it takes a sixth of the room so.
            self._unread.append(zlib.compress(plain, 1))
        else:
            self.read(plain)

    def read(self, plain: bytes) -> None:
        """Read what was listed, with `PLAIN` for the token."""
        for record in self._records.feed(plain):
            if found := self._root and usual(record):
                self._take_usual(record, *usual_of(*found.groups()))
            else:
                self._take(record)

    def head(self) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the root, and what lies in its staging, once all that tells of them came."""
        self._end()
        if not self._root:
            raise suspicious(self._subject.repository.name, b"", "does not tell where its root is")
        return self._root, tuple(self._left)

    def snapshot(self, answer: Answer) -> Snapshot:
        """Return what was listed, once all of it came."""
        subject = self._subject
        if sealed := self._sealed(answer):
            return sealed
        self._end()
        if answer.status and not self._root:
            checked(answer, subject, "path")
        root, left = self.head()
        problems = unlisted(answer, subject.reaches)
        if self._leads:
            problems += tuple(one for one in self._leads.problems(self._omitted.links) if subject.reaches(one.key))
        items = self._items
        if self._followed and not self._known:
            turned = tuple(self._followed.problems(items, self._omitted.links))
            items = items.after((), [one.key for one in turned]) if turned else items
            problems += tuple(one for one in turned if subject.reaches(one.key))
        return Snapshot(
            subject.repository.name,
            root,
            items,
            subject.now,
            not problems,
            omitted=self._omitted.end(whole=not problems),
            directories=self._directories(),
            links=self._leads.known if self._leads else None,
            followed=frozenset(self._followed.known) if self._followed else None,
            astray=self._followed.astray if self._followed else {},
            problems=problems,
            unmarked=frozenset(key for key in self._unmarked if key in items),
            left=left,
            sight="" if self._known else self._digested.digest(),
        )

    def _directories(self) -> Directories | None:
        """Return what was listed of directories; names that somebody gave tell of none."""
        if self._known or not self._subject.directories:
            return None
        return Directories(frozenset(self._omitted.all), frozenset(self._omitted.empty))

    @property
    def others(self) -> int:
        """How many entries were listed that are no files."""
        return self._omitted.seen + (len(self._followed.astray) if self._followed else 0)

    def _sealed(self, answer: Answer) -> Snapshot | None:
        """Return what was listed without having read it, if that is what is known; else read it."""
        if not self._sight:
            return None
        self._unread.append(zlib.compress(self._digested.end(), 1))
        unread, sight, self._unread = self._unread, self._sight, []
        if unlisted(answer, self._subject.reaches) or self._digested.digest() != sight.digest:
            self._read_all(unread)
            return None
        name = self._subject.repository.name
        first = next(filter(None, map(zlib.decompress, unread))).split(PLAIN + b" ", 2)[1].removesuffix(b"\n")
        root = checked_root(first.removeprefix(b"root "), name)
        items, now = Sealed(sight, tuple(unread)), self._subject.now
        return Snapshot(name, root, items, now, omitted=sight.omitted, sight=sight.digest)

    def _read_all(self, pieces: list[bytes]) -> None:
        """Read pieces, each of which is given back before the next is read."""
        pieces.reverse()
        while pieces:
            self.read(zlib.decompress(pieces.pop()))

    def _end(self) -> None:
        self.read(self._digested.end())
        for record in self._records.end():
            self._take(record)

    def _take(self, record: bytes) -> None:
        """Read a record: the root, a name in staging, or what stat tells: raw mode, size, times, inode, name."""
        name = self._subject.repository.name
        if not self._root:
            word, _, path = record.partition(b" ")
            self._root = checked_root(path if word == b"root" else b"", name)
            return
        if (self._leads and self._leads.take(record)) or (self._followed and self._followed.take(record)):
            return
        if record.startswith(_UNGROUPED):
            self._unmarked.append(record[len(_UNGROUPED) :])
            return
        fields = record.split(b" ", 5)
        if len(fields) == 2 and fields[0] == b"left" and not self._known:
            self._left.append(fields[1])
            return
        if len(fields) != 6 or not fields[5].startswith(b"./"):
            raise suspicious(name, record, "is no answer of stat")
        key = fields[5][2:]
        if _ours(key):
            return
        _check_key(key, name)
        if key in self._items:
            if self._followed and self._followed.turned(key):
                return
            raise suspicious(name, key, "is listed twice")
        self._omitted.passed(key)
        mode, stamp = stamp_of(fields, name)
        if mode & 0o170000 == REGULAR:
            self.hold(key, stamp, mode & 0o777)
        else:
            self._omitted.add(key, mode & 0o170000)

    def _take_usual(self, record: bytes, key: Key, stamp: Stamp, mode: int) -> None:
        """Take a regular file with nothing unusual about it: most of what there is, in half of the time."""
        if key in self._items:
            self._take(record)
        self._omitted.passed(key)
        self.hold(key, stamp, mode)

    def hold(self, key: Key, stamp: Stamp, mode: int) -> None:
        """Keep a file that is listed."""
        self._items.place(key, stamp, mode)


def _ours(key: Key) -> bool:
    return key == STAGING.encode() or key.startswith(STAGING.encode() + b"/")


def _check_key(key: Key, name: str) -> None:
    parts = key.split(b"/")
    if not key or b"\0" in key or any(part in (b"", b".", b"..") for part in parts):
        raise suspicious(name, key, "is not a clean relative path")
    if len(key) > 4096 or max(map(len, parts)) > 255:
        raise suspicious(name, key, "is longer than any file name")
