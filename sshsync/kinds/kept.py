"""What runs put aside below a root, as its host lists it; nothing in the answer is trusted."""

import re

from sshsync.kinds.base import Dialogue, Request, Subject
from sshsync.kinds.listing import LISTING_PATIENCE, checked_root
from sshsync.kinds.refusals import checked
from sshsync.kinds.told import REGULAR, stamp_of, suspicious
from sshsync.model.item import Item
from sshsync.model.kept import Kept
from sshsync.remote import scripts
from sshsync.remote.frame import records
from sshsync.remote.scripts import Command

_FIELDS = 6
_NAMED = re.compile(rb"\./([0-9A-Za-z][0-9A-Za-z-]{0,99})/(.+)", re.DOTALL)


def kept(subject: Subject) -> Dialogue[tuple[bytes, list[Kept]]]:
    """List what is kept.

    Returns:
        The resolved root, b"" where it is missing; and each version, in no order. Entries that no run of ours could
        have made are left out.
    """
    name = subject.repository.name
    words = subject.capabilities.stat_words(subject.token)
    command = Command(scripts.KEPT, {"ROOT": subject.repository.path.encode(), "MAKE": b"no", **words})
    answer = yield Request(command, allow=LISTING_PATIENCE)
    if answer.status == scripts.MISSING:
        return b"", []
    root, found = b"", []
    for record in records(checked(answer, subject, "listing what is kept").payload, subject.token):
        if record.startswith(b"root ") and not root:
            root = checked_root(record.removeprefix(b"root "), name)
            continue
        fields = record.split(b" ", _FIELDS - 1)
        place = _NAMED.fullmatch(fields[-1]) if len(fields) == _FIELDS else None
        if place is None or any(part in (b"", b".", b"..") for part in place.group(2).split(b"/")):
            continue
        mode, stamp = stamp_of(fields, name)
        if mode & 0o170000 == REGULAR:
            found.append(Kept(place.group(1).decode(), Item(place.group(2), None, stamp, mode & 0o777)))
    if not root:
        raise suspicious(name, answer.payload[:200], "does not tell where its root is")
    return root, found
