"""Command: the operator's own `synccmd` runs on the child, redirected into staging."""

import re
from collections.abc import Sequence

from sshsync.errors import CommandError
from sshsync.hosts.conversation import LONGEST_SILENCE, Reply
from sshsync.model.words import complaint, visible
from sshsync.remote import encode, scripts
from sshsync.remote.frame import records
from sshsync.remote.scripts import Command
from sshsync.transfers.aside import QUIET, Turns, variables_of, watched
from sshsync.transfers.base import Ends, Kept
from sshsync.transfers.load import Load, Span

WIDTH = 4
"""Commands that run at once on one child."""

PER_PARENT = 8
"""Commands that may ask one parent at once, over all its children: sshd drops more (MaxStartups)."""

_SECRETS = ("REMOTEPASSWORD", "LOCALPASSWORD")
_DROPPED = re.compile(
    rb"(?i)connection (closed|reset|refused|timed out)|kex_exchange_identification|broken pipe|lost connection"
)


class ByCommand:
    """The strategy for repositories with a `synccmd`; see `Strategy`.

    A `synccmd` says nothing while it works, and nobody knows how fast it should be: what it does is seen by its files
    in staging, which the child is asked to list now and then. Nothing is given up as long as they change.

    Args:
        quiet: seconds beyond the child's timeout in which neither a file changes nor a command ends.
    """

    def __init__(self, quiet: float = QUIET) -> None:
        self._quiet = quiet
        self._turns = Turns(PER_PARENT // WIDTH)

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Run the template once a file, a few at a time, in one channel.

        A command that drops out because the parent's sshd refuses connections is transient; whether a file
        arrived as it should is left to whoever verifies.
        """
        secrets = passwords(ends.child.commands.sync, ends)
        names = encode.lines(span.key for span in spans)
        lines = encode.lines(value.encode() for value in secrets.values())
        words = {
            "TEMPLATE": ends.child.commands.sync,
            "WIDTH": str(WIDTH),
            "BATCH": load.attempt,
            "SECRETS": " ".join(secrets),
        }
        variables = variables_of(ends) | {name: value.encode() for name, value in words.items()}
        with self._turns.at(ends.parent, ends.check):
            reply = self._run(Command(scripts.FETCH, variables), lines + names, load, ends)
        reply.check("synccmd")
        _judge([record.split(b" ", 2) for record in records(reply.payload, reply.token)], spans, ends)
        ends.moved(sum(span.length for span in spans))
        for span in spans:
            kept(span)

    def _run(self, command: Command, stdin: bytes, load: Load, ends: Ends) -> Reply:
        still = "synccmd: for {} none of its files in staging changed, and none was done"
        with (
            ends.target.start(command, stdin, allow=LONGEST_SILENCE) as conversation,
            watched(conversation, ends, _below(load), quiet=self._quiet, still=still),
        ):
            return conversation.answer()


def _below(load: Load) -> bytes:
    """Return the directory of the load in staging, relative to the child's root."""
    return f".sshsync/{load.place}{scripts.OPEN}".encode()


def passwords(template: str, ends: Ends) -> dict[str, str]:
    """Return the passwords that the template names. They travel on stdin, never in an argument."""
    values = (ends.parent.host.login.password, ends.child.host.login.password)
    return {name: value for name, value in zip(_SECRETS, values, strict=True) if name in template}


def _judge(results: list[list[bytes]], spans: Sequence[Span], ends: Ends) -> None:
    """Raise when no command succeeded: the words of the first then tell why."""
    failed = [result for result in results if len(result) < 2 or result[1] != b"0"]
    for number, _status, *said in (result for result in failed if len(result) >= 2):
        if number.isdigit() and int(number) < len(spans):
            ends.complain(spans[int(number)].key, complaint(b"".join(said), 300))
    if failed and len(failed) == len(results):
        said_first = b"".join(failed[0][2:]).strip()
        error = CommandError(f"synccmd failed: {visible(said_first, 300)}", where=ends.child.name)
        error.transient = bool(_DROPPED.search(said_first))
        raise error
