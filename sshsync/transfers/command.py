"""Command: the operator's own `synccmd` runs on the child, redirected into staging."""

import re
import threading
import time
from collections.abc import Callable, Sequence

from sshsync.errors import CommandError, ConnectionLostError, DeadlineError, HostError
from sshsync.hosts.conversation import LONGEST_SILENCE, Conversation, Reply, new_token
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.remote import encode, scripts
from sshsync.remote.frame import records
from sshsync.remote.scripts import Command
from sshsync.transfers.base import Ends, Kept, held
from sshsync.transfers.load import Load, Span

WIDTH = 4
"""Commands that run at once on one child."""

PER_PARENT = 8
"""Commands that may ask one parent at once, over all its children: sshd drops more (MaxStartups)."""

QUIET = 60.0
"""Seconds beyond the child's timeout in which the files of a `synccmd` need not grow."""

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
        self._parents: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Run the template once a file, a few at a time, in one channel.

        A command that drops out because the parent's sshd refuses connections is transient; whether a file
        arrived as it should is left to whoever verifies.
        """
        secrets = passwords(ends.child.commands.sync, ends)
        names = encode.lines(span.key for span in spans)
        lines = encode.lines(value.encode() for value in secrets.values())
        variables = {**variables_of(ends), "BATCH": load.attempt.encode(), "SECRETS": " ".join(secrets).encode()}
        command = Command(scripts.FETCH, variables)
        with held(self._turns(ends.parent), ends.check):
            reply = self._run(command, lines + names, load, ends)
        reply.check("synccmd")
        ends.check()
        _judge([record.split(b" ", 2) for record in records(reply.payload, reply.token)], spans, ends)
        ends.moved(sum(span.length for span in spans))
        for span in spans:
            kept(span)

    def _run(self, command: Command, stdin: bytes, load: Load, ends: Ends) -> Reply:
        with ends.target.start(command, stdin, allow=LONGEST_SILENCE) as conversation:
            answer = _Answer(conversation)
            growth = _Growth(_below(load), ends, lambda: conversation.received)
            quiet = ends.target.timeout + self._quiet
            while not answer.ended.wait(ends.target.timeout / 3):
                ends.check()
                if growth.still() > quiet:
                    raise DeadlineError(
                        f"synccmd: for {quiet:.0f} s none of its files in staging changed, and none was done",
                        where=ends.child.name,
                        hint="does it wait for something? timeout = is how long it may rest",
                    )
            return answer.reply()

    def _turns(self, parent: Repository) -> threading.BoundedSemaphore:
        with self._lock:
            return self._parents.setdefault(parent.name, threading.BoundedSemaphore(PER_PARENT // WIDTH))


class _Answer:
    """Collects a conversation's answer in a thread of its own, which ends with the conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._reply: Reply | None = None
        self._error: BaseException | None = None
        self.ended = threading.Event()
        threading.Thread(target=self._work, name="sshsync-answer", daemon=True).start()

    def reply(self) -> Reply:
        """Return the answer once it has ended.

        Raises:
            HostError: there is none.
        """
        if self._reply is None:
            raise self._error or ConnectionLostError("the command ended without a result")
        return self._reply

    def _work(self) -> None:
        try:
            self._reply = self._conversation.answer()
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
            self._error = error
        finally:
            self.ended.set()


class _Growth:
    """Watches whether a command does anything: its files in staging change, or it answers.

    Args:
        below: where its files are, relative to the child's root.
        ends: whose target is asked.
        answered: bytes of its answer so far.
    """

    def __init__(self, below: bytes, ends: Ends, answered: Callable[[], int]) -> None:
        self._ends = ends
        self._answered = answered
        self._token = new_token()
        words = ends.target.capabilities.stat_words(self._token)
        self._command = Command(scripts.BELOW, {"ROOT": ends.target_root, "BELOW": below, **words})
        self._seen: tuple[int, bytes] = (0, b"")
        self._since = time.monotonic()

    def still(self) -> float:
        """Look, and return the seconds since anything was seen to change."""
        now = (self._answered(), self._listed())
        if now != self._seen:
            self._seen, self._since = now, time.monotonic()
        return time.monotonic() - self._since

    def _listed(self) -> bytes:
        """Return size and times of all files, as the child prints them; what was seen last when it does not.

        A child that allows one channel at a time tells nothing: there, only the longest silence is a limit.
        """
        target = self._ends.target
        try:
            return target.run(self._command, token=self._token).payload
        except HostError as error:
            if isinstance(error, ConnectionLostError) and target.alive:
                self._since = time.monotonic()
            return self._seen[1]


def _below(load: Load) -> bytes:
    """Return the directory of the load in staging, relative to the child's root."""
    return f".sshsync/{load.place}{scripts.OPEN}".encode()


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


def _judge(results: list[list[bytes]], spans: Sequence[Span], ends: Ends) -> None:
    """Raise when no command succeeded: the words of the first then tell why."""
    failed = [result for result in results if len(result) < 2 or result[1] != b"0"]
    for number, _status, *said in (result for result in failed if len(result) >= 2):
        if number.isdigit() and int(number) < len(spans):
            ends.complain(spans[int(number)].key, visible(b"".join(said).strip(), 300))
    if failed and len(failed) == len(results):
        said_first = b"".join(failed[0][2:]).strip()
        error = CommandError(f"synccmd failed: {visible(said_first, 300)}", where=ends.child.name)
        error.transient = bool(_DROPPED.search(said_first))
        raise error
