"""One running script: fed, its framed answer read back, with a limit on every wait."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sshsync.errors import CommandError, ConnectionLostError, DeadlineError, HostError, KilledError, StorageFullError
from sshsync.kinds.base import Reader
from sshsync.model.words import complaint, visible
from sshsync.remote.frame import MOST_ANSWER, Deframer, FrameError
from sshsync.transports.base import SLOWEST, Stream

_AT_ONCE = 1 << 20
"""Bytes that are written at once: the end of each such write is a short packet."""

LONGEST_SILENCE = 86400.0
"""Seconds of silence that are never exceeded, whatever sizes a host claims."""

_TIMEOUTS = 10
"""Longest silences that a host may make its reader wait, all in all, before the rate of its answer counts."""

_MOST_ERRORS = 8192
_AND_MORE = b"\n... and more"
"""Whoever reads error output as an answer sees that it is not all of it."""

_SIGNALLED = 128
"""A shell's status for a program that a signal ended is this and the signal's number."""
_LAST_SILENCE, _LAST_WORDS = 5.0, 60.0
"""Seconds after a script's end in which its error output may be silent, and in which all of it has to come."""

_READ_ONLY = b"Read-only file system"
_FULL = (b"No space left on device", b"Disk quota exceeded", _READ_ONLY)


@dataclass(frozen=True, slots=True)
class Reply:
    """A script's complete answer."""

    status: int
    payload: bytes
    errors: bytes
    token: bytes
    label: str

    def check(self, doing: str) -> Self:
        """Return self when the script succeeded.

        Raises:
            CommandError: the script failed; the words are the host's own.
        """
        if self.status:
            raise failure(self.label, doing, self.status, self.errors)
        return self


def failure(label: str, doing: str, status: int, errors: bytes) -> CommandError:
    """Return the error for a script that ended with `status`."""
    said = complaint(errors) or f"exit status {status}"
    if any(words in errors for words in _FULL):
        hint = "make it writable" if _READ_ONLY in errors else "free space there (or inodes, or quota)"
        return StorageFullError(f"{doing}: {said}", where=label, hint=f"{hint}, then run again")
    kind = KilledError if status > _SIGNALLED else CommandError
    return kind(f"{doing}: {said}", where=label)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a script's answer may be like.

    Attributes:
        script: name of the script.
        idle: seconds of silence that are fine.
        names: names that it was asked about; each line of the answer, up to so many, may take `each` seconds.
        most: bytes of an answer that is collected.
    """

    script: str
    idle: float
    names: int = 0
    each: float = 0.0
    most: int = MOST_ANSWER


class Conversation:
    """One running script. Use as a context manager; leaving it abandons a script that still runs.

    A host that trickles is given up: the time that is spent *waiting* for its answer must not exceed a patience of ten
    silences by more than the bytes and lines that came are worth. The time in which the controller feeds the script,
    or does not want to read because what it read goes on slowly, is none of it.

    Args:
        stream: the running script.
        token: frames its answer.
        label: the host as messages name it.
        limits: what its answer may be like.
        errors: takes its error output piece by piece, all of it and as it comes, from a thread of its own: what waits
            there makes the script wait. What it raises is raised by whoever reads the answer, once that has ended.
        ended: called once, when the conversation is left.
        clock: seconds that never jump.

    Attributes:
        label: the host as messages name it.
        received: bytes that came as output.
        cut: its output ended although it did not end by itself, as far as `raw` could see.
    """

    def __init__(  # noqa: PLR0913 - each is a seam
        self,
        stream: Stream,
        token: bytes,
        label: str,
        limits: Limits,
        *,
        errors: Callable[[bytes], None] | None = None,
        ended: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._limits = limits
        self._clock = clock
        self._waited = 0.0
        self._lines = 0
        self.received = 0
        self._frame = Deframer(token)
        self.label = label
        self.token = token
        self._errors = bytearray()
        self._heard = 0
        self._tell = errors
        self._untold: Exception | None = None
        self._ended = ended
        self._raw = b""
        self.cut = False
        self._listener = threading.Thread(target=self._listen, name="sshsync-errors", daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._listener.join(5)
        ended, self._ended = self._ended, lambda: None
        ended()

    def abandon(self) -> None:
        """End it, from any thread: whoever waits for its answer learns that it broke off."""
        self._stream.close()

    def write(self, data: bytes) -> None:
        """Send bytes to the script's input.

        Raises:
            HostError: the script ended early, with its own words when it left any.
        """
        try:
            self._write(data)
        except ConnectionLostError:
            raise self._early_end() from None

    def feed(self, stdin: bytes) -> None:
        """Send the whole input from a thread of its own, so neither side can block the other.

        Whoever reads the answer learns why the script did not want the input.
        """

        def work() -> None:
            with suppress(HostError):
                self._write(stdin)
                self.close_input()

        if stdin:
            threading.Thread(target=work, name="sshsync-feed", daemon=True).start()
        else:
            self.close_input()

    def _write(self, data: bytes) -> None:
        for start in range(0, len(data), _AT_ONCE):
            self._stream.write(data[start : start + _AT_ONCE])

    def close_input(self) -> None:
        """End the script's input."""
        self._stream.close_input()

    def pieces(self) -> Iterator[bytes]:
        """Yield the payload as it arrives, until the script's end record.

        Raises:
            HostError: the answer was cut, or is none.
        """
        while self._frame.status is None:
            piece = self._read(1 << 20)
            if not piece:
                raise self._cut()
            try:
                payload = self._frame.feed(piece)
            except FrameError as error:
                raise self._unusable(error.noise) from None
            if payload:
                yield payload

    def raw(self, size: int) -> bytes:
        """Return up to `size` bytes of what a program prints that took the script's place; b"" at its end.

        Raises:
            HostError: it did not even begin.
        """
        while not self._raw:
            piece = self._read(size)
            if not piece:
                if not self._frame.began:
                    raise self._cut()
                self.cut = self._stream.exit_status() is None
                return b""
            try:
                self._raw = self._frame.skip(piece)
            except FrameError as error:
                raise self._unusable(error.noise) from None
        piece, self._raw = self._raw[:size], self._raw[size:]
        return piece

    def answer(self, reader: Reader | None = None) -> Reply:
        """Collect the rest of the answer and return all of it, but for what a reader takes.

        Raises:
            HostError: the script did not run to its end, or answered more than such a script ever has to.
        """
        payload, size = bytearray(), 0
        take = reader.feed if reader else payload.extend
        for piece in self.pieces():
            size += len(piece)
            if size > self._limits.most:
                raise CommandError(f"{self._limits.script}: it answers without end", where=self.label)
            take(piece)
        return self.reply(bytes(payload))

    @property
    def said(self) -> bytes:
        """The beginning of what came as error output, once the script has ended."""
        self._listener.join(1)
        return bytes(self._errors)

    def finish(self) -> Reply:
        """Read the rest and return the status with the error output. The payload is not kept."""
        self.close_input()
        for _ in self.pieces():
            pass
        return self.reply(b"")

    def reply(self, payload: bytes) -> Reply:
        """Return the answer after `pieces` is exhausted, with the beginning of the error output."""
        self._hear_out()
        if self._untold:
            raise self._untold
        return Reply(self._frame.status or 0, payload, bytes(self._errors), self.token, self.label)

    def _read(self, size: int) -> bytes:
        limits, begun = self._limits, self._clock()
        piece = self._stream.read(size)
        self._waited += self._clock() - begun
        self.received += len(piece)
        self._lines = min(limits.names, self._lines + piece.count(b"\n")) if limits.names else 0
        if self._waited > limits.idle * _TIMEOUTS + self.received / SLOWEST + self._lines * limits.each:
            raise DeadlineError(f"it sends less than {SLOWEST} bytes a second", where=self.label)
        return piece

    def _listen(self) -> None:
        with suppress(HostError):
            while words := self._stream.read_errors(65536):
                room = _MOST_ERRORS - len(self._errors)
                if room >= 0:
                    self._errors += words[:room] + (_AND_MORE if len(words) > room else b"")
                if self._tell and self._untold is None:
                    try:
                        self._tell(words)
                    except Exception as error:  # noqa: BLE001 - raised again by whoever reads the answer
                        self._untold = error
                self._heard += 1

    def _hear_out(self) -> None:
        """Wait for the end of the error output, for somebody who takes it longer, as long as more comes.

        It need not end with the script: what a script leaves behind may hold it open for ever.
        """
        heard, until = -1, self._clock() + _LAST_WORDS
        while heard != self._heard and self._clock() < until:
            heard = self._heard
            self._listener.join(_LAST_SILENCE)
            if self._tell is None or not self._listener.is_alive():
                return

    def _early_end(self) -> HostError:
        try:
            reply = self.finish()
        except HostError as error:
            return error
        return failure(self.label, "the host takes no more", reply.status, reply.errors)

    def _cut(self) -> HostError:
        self._listener.join(1)
        noise = b"" if self._frame.began else self._frame.noise().strip()
        said = visible(bytes(self._errors).strip() or noise, 200)
        if not self._frame.began and (noise or self._stream.exit_status() is not None):
            return self._unusable(noise or bytes(self._errors))
        lost = ConnectionLostError(
            "the command ended without a result" + (f": {said}" if said else ""), where=self.label
        )
        lost.begun = self._frame.began or bool(said)
        return lost

    def _unusable(self, noise: bytes) -> CommandError:
        first = visible(noise.strip().splitlines()[0] if noise.strip() else b"", 200)
        return CommandError(
            f"its shell does not run commands; it said: {first or 'nothing'}",
            where=self.label,
            hint="the account needs a login shell, and shell = a POSIX shell there",
        )


def new_token() -> bytes:
    """Return a text that nobody could know before."""
    return secrets.token_hex(16).encode()
