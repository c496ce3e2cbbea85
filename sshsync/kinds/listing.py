"""Listings of files: what is asked for, and how the answers are read; nothing in them is trusted."""

import re
from collections.abc import Mapping
from dataclasses import replace

from sshsync.errors import CommandError, ListingError
from sshsync.kinds.base import Answer, Dialogue, Request, Subject
from sshsync.model.item import Item, Key, Problem, Snapshot, Stamp
from sshsync.model.words import visible
from sshsync.remote import encode, scripts
from sshsync.remote.frame import records
from sshsync.remote.scripts import STAGING, Command

LISTING_PATIENCE = 240.0
"""Seconds that a listing may be silent beyond the host's timeout: huge directories print late."""

_REGULAR = 0o100000
_MODE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_SIZE = re.compile(rb"[0-9]{1,18}")
_INODE = re.compile(rb"[0-9]{1,20}")
_TIME = re.compile(rb"(-?)([0-9]{1,20})(?:[.,]([0-9]*))?")
_MOST = (1 << 63) - 1


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
            raise _suspicious(name, entry, f"is not below {visible(root)}")
        key = entry[len(prefix) :]
        if _ours(key):
            continue
        _check_key(key, keys, name)
        keys[key] = None
    return list(keys)


def root_request(subject: Subject) -> Request:
    """Return what asks for the resolved root."""
    make = b"yes" if subject.create else b"no"
    return Request(Command(scripts.ROOT, {"ROOT": subject.repository.path.encode(), "MAKE": make}))


def read_root(payload: bytes, subject: Subject) -> bytes:
    """Read the resolved root: a symbolic link may lead anywhere, but not to nowhere and not to the whole host."""
    root = payload.removesuffix(b"\n")
    parts = root.split(b"/")[1:]
    clean = root.startswith(b"/") and not any(part in (b"", b".", b"..") for part in parts)
    if not clean or any(byte in root for byte in b"\0\n"):
        raise _suspicious(subject.repository.name, root, "is no directory that a root could be")
    return root


def list_all(subject: Subject, root: bytes) -> Dialogue[Snapshot]:
    """List all files, by the operator's template or built in; none has a digest yet."""
    name, template = subject.repository.name, subject.repository.commands.listing
    if template:
        command = Command(scripts.TEMPLATE_LIST, {"ROOT": root, "TEMPLATE": template.encode()})
        answer = checked((yield Request(command, allow=LISTING_PATIENCE)), subject, "listcmd")
        keys = paths(answer.payload, root, name)
        seen = yield from stat_named(subject, root, keys)
        return seen
    words = subject.capabilities.stat_words(subject.token)
    command = Command(scripts.LIST, {"ROOT": root, "BELOW": b".", **words})
    answer = yield Request(command, allow=LISTING_PATIENCE)
    found = _listing(answer, subject, root)
    if answer.status and not found.items and not found.skipped:
        checked(answer, subject, "listing")
    return found


def stat_named(subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
    """Stat files by their names; nothing is asked when there are none."""
    if not keys:
        return Snapshot(subject.repository.name, root, {})
    words = subject.capabilities.stat_words(subject.token)
    command = Command(scripts.STAT, {"ROOT": root, **words})
    answer = yield Request(command, encode.lines(keys), LISTING_PATIENCE)
    seen = _listing(answer, subject, root)
    wanted = set(keys)
    strange = next((key for key in seen.items if key not in wanted), None)
    if strange is not None:
        raise _suspicious(subject.repository.name, strange, "was not asked for")
    gone = [key for key in keys if key not in seen.items]
    complete = len(gone) <= seen.skipped
    return replace(seen, complete=complete, problems=() if complete else seen.problems)


def _listing(answer: Answer, subject: Subject, root: bytes) -> Snapshot:
    """Read the stat tool's records: raw mode, size, times, inode, name."""
    name = subject.repository.name
    items: dict[Key, Item] = {}
    skipped = 0
    for record in records(answer.payload, subject.token):
        fields = record.split(b" ", 5)
        if len(fields) != 6 or not fields[5].startswith(b"./"):
            raise _suspicious(name, record, "is no answer of stat")
        key = fields[5][2:]
        if _ours(key):
            continue
        _check_key(key, items, name)
        mode, stamp = _stamp(fields, name)
        if mode & 0o170000 == _REGULAR:
            items[key] = Item(key, None, stamp, mode & 0o777)
        else:
            skipped += 1
    said = visible(answer.errors.strip(), 300)
    problems = (Problem(b"", said or f"exit status {answer.status}"),) if answer.status else ()
    return Snapshot(name, root, items, subject.now, not answer.status, skipped=skipped, problems=problems)


def _stamp(fields: list[bytes], name: str) -> tuple[int, Stamp]:
    mode, size, mtime, ctime, inode, _ = fields
    times = [_TIME.fullmatch(mtime), _TIME.fullmatch(ctime)]
    if not (_MODE.fullmatch(mode) and _SIZE.fullmatch(size) and _INODE.fullmatch(inode) and all(times)):
        raise _suspicious(name, fields[5], "has no readable size or time")
    modified, changed = (_nanoseconds(found) for found in times if found)
    return int(mode, 16), Stamp(int(size), modified, changed, int(inode) & _MOST)


def _nanoseconds(found: re.Match[bytes]) -> int:
    """Return a time as it stands: also one before 1970, or one that no 64 bits hold."""
    at = int(found.group(2)) * 1_000_000_000 + int((found.group(3) or b"")[:9].ljust(9, b"0"))
    return -at if found.group(1) else at


def checked(answer: Answer, subject: Subject, doing: str) -> Answer:
    """Return the answer of a script that ended well.

    Raises:
        CommandError: it did not.
    """
    if answer.status:
        said = visible(answer.errors.strip()) or f"exit status {answer.status}"
        raise CommandError(f"{doing}: {said}", where=subject.repository.name)
    return answer


def _ours(key: Key) -> bool:
    return key == STAGING.encode() or key.startswith(STAGING.encode() + b"/")


def _check_key(key: Key, known: Mapping[Key, object], name: str) -> None:
    parts = key.split(b"/")
    if not key or b"\0" in key or any(part in (b"", b".", b"..") for part in parts):
        raise _suspicious(name, key, "is not a clean relative path")
    if len(key) > 4096 or max(map(len, parts)) > 255:
        raise _suspicious(name, key, "is longer than any file name")
    if key in known:
        raise _suspicious(name, key, "is listed twice")


def _suspicious(name: str, entry: bytes, why: str) -> ListingError:
    return ListingError(
        f"its listing is not to be trusted: {visible(entry, 120)!r} {why}; nothing was changed",
        where=name,
        hint="a line feed in a file name does this to a listcmd: let it print NUL (-print0), or drop listcmd",
    )
