"""Command: the operator's own `synccmd` runs on the child, redirected into staging."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sshsync.core.batch import Batch
from sshsync.errors import CommandError, DeadlineError
from sshsync.model.topology import Repository
from sshsync.remote import encode, scripts
from sshsync.remote.encode import visible
from sshsync.remote.frame import records
from sshsync.remote.scripts import Command
from sshsync.transfers.base import SLOWEST, Ends

WIDTH = 4
"""Commands that run at once on one child."""

PER_PARENT = 8
"""Commands that may ask one parent at once, over all its children: sshd drops more (MaxStartups)."""

_SECRETS = ("REMOTEPASSWORD", "LOCALPASSWORD")
_DROPPED = re.compile(
    rb"(?i)connection (closed|reset|refused|timed out)|kex_exchange_identification|broken pipe|lost connection"
)


class ByCommand:
    """The strategy for repositories with a `synccmd`; see `Strategy`."""

    def __init__(self) -> None:
        self._parents: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()

    def stage(self, batch: Batch, ends: Ends) -> None:
        """Run the template once a file, a few at a time, in one channel.

        A command that drops out because the parent's sshd refuses connections is transient; whether a file
        arrived is left to the verification.
        """
        secrets = passwords(ends.child.commands.sync, ends)
        names = encode.lines(change.key for change in batch.changes)
        lines = encode.lines(value.encode() for value in secrets.values())
        variables = {**variables_of(ends), "BATCH": batch.id.encode(), "SECRETS": " ".join(secrets).encode()}
        allow = batch.size / SLOWEST + 60.0
        with self._turn(ends.parent, allow * 10):
            reply = ends.target.run(Command(scripts.FETCH, variables), lines + names, allow=allow)
        reply.check("synccmd")
        ends.check()
        _judge([record.split(b" ", 2) for record in records(reply.payload, reply.token)], batch, ends)
        ends.moved(batch.size)

    @contextmanager
    def _turn(self, parent: Repository, within: float) -> Iterator[None]:
        with self._lock:
            limit = self._parents.setdefault(parent.name, threading.BoundedSemaphore(PER_PARENT // WIDTH))
        if not limit.acquire(timeout=within):
            raise DeadlineError("too many transfers wait for it", where=parent.name)
        try:
            yield
        finally:
            limit.release()


def variables_of(ends: Ends) -> dict[str, bytes]:
    """Return the variables that a `synccmd` sees, FILE and LOCALDIR excepted: REMOTE… is the parent."""
    parent, child = ends.parent, ends.child
    words = {
        "TEMPLATE": child.commands.sync,
        "REMOTEHOST": parent.peer_host,
        "REMOTEPORT": str(parent.peer_port),
        "REMOTEUSER": parent.host.login.user,
        "LOCALHOST": child.host.address,
        "LOCALUSER": child.host.login.user,
        "WIDTH": str(WIDTH),
    }
    made = {name: value.encode() for name, value in words.items()}
    return {**made, "REMOTEDIR": ends.source_root, "ROOT": ends.target_root}


def passwords(template: str, ends: Ends) -> dict[str, str]:
    """Return the passwords that the template names. They travel on stdin, never in an argument."""
    values = (ends.parent.host.login.password, ends.child.host.login.password)
    return {name: value for name, value in zip(_SECRETS, values, strict=True) if name in template}


def _judge(results: list[list[bytes]], batch: Batch, ends: Ends) -> None:
    """Raise when no command succeeded: the words of the first then tell why."""
    failed = [result for result in results if len(result) < 2 or result[1] != b"0"]
    for number, _status, *said in (result for result in failed if len(result) >= 2):
        if number.isdigit() and int(number) < len(batch.changes):
            ends.complain(batch.changes[int(number)].key, visible(b"".join(said).strip(), 300))
    if failed and len(failed) == len(results):
        said_first = b"".join(failed[0][2:]).strip()
        error = CommandError(f"synccmd failed: {visible(said_first, 300)}", where=ends.child.name)
        error.transient = bool(_DROPPED.search(said_first))
        raise error
