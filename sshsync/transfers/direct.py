"""Direct: the child pulls bytes from its parent with its own ssh; the controller grants it range after range."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sshsync.core.pieces import Extent
from sshsync.errors import (
    AuthenticationError,
    CommandError,
    ConnectError,
    ConnectionLostError,
    HostError,
    HostKeyError,
    KilledError,
    SourceChangedError,
    SshsyncError,
    ToolMissingError,
)
from sshsync.hosts.conversation import LONGEST_SILENCE, Conversation, Reply, new_token
from sshsync.model.words import visible
from sshsync.remote import encode, scripts
from sshsync.remote.ranges import counted, enclosed, reading
from sshsync.remote.scripts import Command
from sshsync.transfers.aside import QUIET, Turns, variables_of, watched
from sshsync.transfers.base import Ends, Kept, held
from sshsync.transfers.chunks import length_at
from sshsync.transfers.load import Load, Part, Span

PER_PARENT = 8
"""Logins at one parent at once, over all its children: sshd drops more (MaxStartups)."""

_AHEAD, _AHEAD_BYTES, _AHEAD_MOST = 2, 1 << 18, 200
"""Grants that are under way at the least, so that nobody waits for an answer; bytes that may be, and how many."""

_BIG, _SMALL = 1 << 16, 1 << 12
"""Bytes of a block: on a slow line small ones show that something comes."""

_SIGNALLED, _PORT = 128, 22


class Direct:
    """The strategy with which a child logs in to its parent by itself; see `Strategy`.

    The controller sees no byte. What is kept is what the child says that it has written; a whole digest decides, as
    with every strategy. How fast it goes is measured by that, and a chunk is granted after the other: a session that
    breaks costs the chunks that were under way, and a controller that is gone grants no more.

    Args:
        quiet: seconds beyond the child's timeout in which nothing need arrive.
    """

    def __init__(self, quiet: float = QUIET) -> None:
        self._quiet = quiet
        self._turns = Turns(PER_PARENT)

    def fetch(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        """Have the child run its `sshcmd` once for all spans.

        A part grows by chunks, each of which is told of. Other loads are told of when all of their files are there.

        Raises:
            ToolMissingError: a host cannot do it.
            HostKeyError, AuthenticationError: the child does not know its parent, or is refused there.
            ConnectError, ConnectionLostError: the parent cannot be reached from the child, or broke off.
        """
        _check_able(ends)
        pull = _Pull(load, spans, ends, kept)
        with self._turns.at(ends.parent, ends.check), held(ends.target.relays, ends.check):
            reply, status = pull.run(self._quiet)
        if reply.status == scripts.SHORT:
            raise _why(reply.errors, status, ends, begun=pull.began)
        reply.check("receiving files")
        pull.end()


@dataclass(frozen=True, slots=True)
class _Grant:
    """A line that the child is given, and what is there once it has done what that says; None for nothing new."""

    line: bytes
    span: Span | None = None


class _Pull:
    """One command on the child that pulls.

    Attributes:
        began: the command on the parent did.
    """

    def __init__(self, load: Load, spans: Sequence[Span], ends: Ends, kept: Kept) -> None:
        self._load = load
        self._spans = spans
        self._ends = ends
        self._kept = kept
        self._waiting: deque[Span] = deque()
        self._taken = 0
        self._since = 0.0
        self._status = 0
        self._over = False
        self.began = False

    def run(self, quiet: float) -> tuple[Reply, int]:
        """Run it to its end; return its answer, and the status of the `sshcmd`."""
        command, head = self._command()
        still = "sshcmd: for {} nothing came from " + self._ends.parent.name
        below = f".sshsync/{'part' if isinstance(self._load, Part) else self._load.place + scripts.OPEN}".encode()
        with (
            self._ends.target.start(command, allow=LONGEST_SILENCE) as conversation,
            watched(conversation, self._ends, below, quiet=quiet, still=still),
        ):
            conversation.write(head)
            self._talk(conversation)
            return conversation.reply(b""), self._status

    def end(self) -> None:
        """Tell of what is there now that all has come."""
        if not isinstance(self._load, Part):
            for span in self._spans:
                self._kept(span)

    def _command(self) -> tuple[Command, bytes]:
        """Return what the child runs, and how its input begins: what it has run on the parent, and what that reads."""
        ends, theirs = self._ends, new_token()
        read, asked = self._reading()
        line = encode.command_line(ends.parent.host.shell, read.script.text, {"TOKEN": theirs, **read.variables})
        words = {
            "SSHCMD": ends.child.commands.ssh.encode(),
            "THEIRS": theirs,
            "PART": self._load.name.encode() if isinstance(self._load, Part) else b"",
            "BATCH": self._load.attempt.encode(),
            "WRITER": b"1",
        }
        command = Command(scripts.PULL, variables_of(ends) | words, agent=ends.child.forward_agent)
        return command, encode.lines([line]) + asked + b".\n"

    def _reading(self) -> tuple[Command, bytes]:
        root, load = self._ends.source_root, self._load
        if not isinstance(load, Part):
            return Command(scripts.READ, {"ROOT": root}), encode.lines(span.key for span in self._spans)
        asked = [(span.key, Extent(span.offset, span.length)) for span in self._spans]
        if asked and asked[-1][1].end == load.size:
            # One byte more than there should be tells of a file that became longer.
            key, last = asked[-1]
            asked[-1] = key, Extent(last.offset, last.length + 1)
        return reading(root, asked)

    def _talk(self, conversation: Conversation) -> None:
        """Grant and be told, until the child has no more to tell."""
        grants = chain(self._grants(), [_Grant(b".\n")])
        told = b""
        self._grant(conversation, grants)
        for piece in conversation.pieces():
            *lines, told = (told + piece).split(b"\n")
            for line in lines:
                self._hear(line.strip())
            self._grant(conversation, grants)

    def _grant(self, conversation: Conversation, grants: Iterator[_Grant]) -> None:
        lines = bytearray()
        while not self._over and self._room:
            grant = next(grants)
            lines += grant.line
            self._over = grant.line == b".\n"
            if grant.span:
                self._waiting.append(grant.span)
        if lines:
            conversation.write(bytes(lines))
        if self._over:
            conversation.close_input()

    @property
    def _room(self) -> bool:
        waiting = self._waiting
        return len(waiting) < _AHEAD or (
            len(waiting) < _AHEAD_MOST and sum(span.length for span in waiting) < _AHEAD_BYTES
        )

    def _hear(self, line: bytes) -> None:
        word, *numbers = line.split(b" ")
        counts = [int(number) for number in numbers if number.isdigit()]
        if word == b"begun":
            self.began = True
        elif word == b"kept" and self._waiting:
            self._take(self._waiting.popleft())
        elif word == b"came" and len(counts) == 2 and self._waiting:
            # It came in vain: chunks that break are shorter the next time.
            self._ends.moved(min(counts[0] * counts[1], self._waiting[0].length))
        elif word == b"ended":
            self._status = counts[0] if counts else 0
            self._over = True

    def _take(self, span: Span) -> None:
        self._ends.check()
        if self._since:
            self._taken += span.length
        else:
            # What was there when the clock began says nothing about the rate: greetings take their time.
            self._since = self._ends.clock()
        if isinstance(self._load, Part):
            self._kept(span)
        self._ends.moved(span.length)
        # What is granted next waits for it.
        self._ends.wire.pace(span.length)

    def _grants(self) -> Iterator[_Grant]:
        """Yield what the child is to take, each as long as it should be at the moment at which it is asked for."""
        if not isinstance(self._load, Part):
            for span in self._spans:
                # One process for a file that is so small that it comes at once.
                size = b"%d 1 0" % span.length if 0 < span.length <= _BIG else _blocks(span.length)
                yield _Grant(b"F %s %s\n" % (size, enclosed(span.key)), span)
            return
        reached = 0
        for span in self._spans:
            if span.offset > reached:
                yield _Grant(b"H %s\n" % counted(span.offset - reached))
            reached, end = span.offset, span.offset + span.length
            while reached < end:
                length = min(length_at(reached, self._rate, self._ends.chunk), end - reached)
                yield _Grant(b"T %s\n" % _blocks(length), Span(span.key, reached, length))
                reached += length

    @property
    def _rate(self) -> float:
        return self._taken / max(0.001, self._ends.clock() - self._since) if self._taken else 0.0


def _blocks(length: int) -> bytes:
    """Return how much is taken: the bytes of a block, how many of them, and the bytes behind them."""
    size = _BIG if length >= 1 << 20 else _SMALL
    return b"%d %d %d" % (size, *divmod(length, size))


def _check_able(ends: Ends) -> None:
    hint = "take another transfer for it"
    if "fullblock" not in ends.target.capabilities.tools:
        raise ToolMissingError("its dd knows no iflag=fullblock", where=ends.target.label, hint=hint)
    for tool in ("dd", "cat"):
        if tool not in ends.source.capabilities.tools:
            raise ToolMissingError(f"has no {tool}", where=ends.source.label, hint=hint)


_ABSENT = (126, 127)
_SAID = 400
"""Bytes of the words of an `sshcmd` that are told."""

_UNHEARD = 128 + 13
"""With this status ends who goes on printing when nobody listens any more (SIGPIPE)."""

_FAILED = 255
"""With this status ssh tells of a failure of its own; any other is that of the command on the parent."""

_CHANGED = re.compile(rb"(?i)has changed|revoked|offending")


def _why(said: bytes, status: int, ends: Ends, *, begun: bool) -> SshsyncError:
    """Return the error for what did not come from the parent, by the words and the status of the `sshcmd`."""
    words = _words(said) or f"exit status {status}"
    child = ends.child
    if status == 0 or (status == _UNHEARD and not begun):
        return _ended_well(said, words, ends, begun=begun)
    if status in _ABSENT:
        hint = f"install an ssh client on {child.host.label}, name it in sshcmd, or take another transfer"
        return ToolMissingError(f"sshcmd: {words}", where=child.name, hint=hint)
    if _SIGNALLED < status < _FAILED:
        return KilledError(f"sshcmd: a signal ended it: {words}", where=child.name)
    for words_of_it, kind, what, hint_of in _REASONS:
        if words_of_it.search(said):
            return kind(f"{what}: {words}", where=child.name, hint=hint_of(said, ends))
    # Of a connection that ends while keys are agreed on, ssh says nothing when asked for errors; of all else it does.
    if status == _FAILED and (begun or not said.strip()):
        return ConnectionLostError(f"its connection to its parent broke off: {words}", where=child.name)
    return CommandError(f"sshcmd: {words}", where=child.name, hint=f"try it by hand as {_account(ends)}")


def _ended_well(said: bytes, words: str, ends: Ends, *, begun: bool) -> SshsyncError:
    """Return the error for a login that went well, after which not all came that was asked for."""
    child, parent = ends.child, ends.parent
    if not begun:
        hint = f"the login of {_account(ends)} there has to run what it is asked to: is another command forced?"
        return CommandError(f"its parent runs no command for it: {words}", where=child.name, hint=hint)
    what = f"reading it failed: {words}" if said else "the file became shorter or longer while it was read"
    return SourceChangedError(what, where=parent.name)


def _account(ends: Ends) -> str:
    return f"{ends.child.host.login.user} on {ends.child.host.label}"


def _about_key(said: bytes, ends: Ends) -> str:
    """Tell what to do about a host key, on which host."""
    parent = ends.parent
    place = parent.peer_host if parent.peer_port == _PORT else f"[{parent.peer_host}]:{parent.peer_port}"
    first = f"ssh-keygen -R '{place}'; " if _CHANGED.search(said) else ""
    return (
        f"as {_account(ends)}: {first}ssh-keyscan -p {parent.peer_port} {parent.peer_host} >>~/.ssh/known_hosts, once "
        f"that key is the one of ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on {parent.host.label}"
    )


def _about_login(_said: bytes, ends: Ends) -> str:
    parent = ends.parent
    return (
        f"add the public key of {_account(ends)} to ~/.ssh/authorized_keys of {parent.peer_user} on "
        f"{parent.host.label}; it must work without a question: no passphrase, or forward_agent = yes"
    )


def _about_way(_said: bytes, ends: Ends) -> str:
    return f"peer_host and peer_port of {ends.parent.name} tell its children where it is"


_REASONS: tuple[tuple[re.Pattern[bytes], type[HostError], str, Callable[[bytes, Ends], str]], ...] = (
    (
        re.compile(rb"(?i)host key .*(has changed|revoked)|identification has changed"),
        HostKeyError,
        "its parent shows another host key than it knows, or a revoked one: another machine may answer there",
        _about_key,
    ),
    (
        re.compile(rb"(?i)host key|host identification|authenticity of host|key fingerprint"),
        HostKeyError,
        "it does not know the host key of its parent",
        _about_key,
    ),
    (
        re.compile(rb"(?i)permission denied|authentication|passphrase|password"),
        AuthenticationError,
        "its parent does not let it in",
        _about_login,
    ),
    (
        re.compile(
            rb"(?i)connection (refused|timed out)|operation timed out|no route|unreachable|resolve|host is down"
        ),
        ConnectError,
        "it does not reach its parent",
        _about_way,
    ),
    (
        re.compile(rb"(?i)closed by|connection (closed|reset)|reset by peer|kex_exchange|broken pipe|not responding"),
        ConnectionLostError,
        "its connection to its parent broke off",
        lambda _said, _ends: "",
    ),
)
"""By words of ssh: what that means."""


def _words(said: bytes) -> str:
    """Return the end of what was said: banners come first, and the reason last."""
    lines = [line.strip() for line in said.splitlines() if re.search(rb"[a-z]", line)]
    while len(lines) > 1 and sum(map(len, lines)) > _SAID:
        del lines[0]
    return visible(b"; ".join(lines)[-_SAID:], _SAID)
