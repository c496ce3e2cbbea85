"""Answers of a host, framed by a token that nobody could know before.

A script prints ``TOKEN begin``, its payload, and ``TOKEN end STATUS``. Whatever comes before the first token
is noise of start-up files; an answer without an end record is cut, never short.
"""

import hashlib
import re
from dataclasses import dataclass

MOST_ANSWER = 1 << 28
"""Bytes of an answer: about a million and a half listed files. More is refused, so memory stays bounded."""

MOST_NOISE = 1 << 20
"""Bytes of noise that are read before a host's answer is given up."""

_STATUS = re.compile(rb" end (\d{1,3})\n")
_LONGEST = len(b" end 255\n")


class FrameError(Exception):
    """The host's output is not an answer; `noise` is what it said instead."""

    def __init__(self, noise: bytes) -> None:
        super().__init__(noise)
        self.noise = noise


@dataclass(slots=True)
class Deframer:
    """Takes output piecewise and gives the payload back.

    Args:
        token: the text that frames this answer.

    Attributes:
        status: exit status of the script once its end record was seen, else None.
        began: the answer has begun.
    """

    token: bytes
    status: int | None = None
    began: bool = False
    _held: bytes = b""

    def feed(self, piece: bytes) -> bytes:
        """Take the next piece of output and return the payload that is certain so far.

        Raises:
            FrameError: too much output came before the answer.
        """
        if self.status is not None:
            return b""
        if self.began:
            return self._payload(self._held + piece)
        rest = self.skip(piece)
        return self._payload(rest) if self.began else b""

    def _payload(self, held: bytes) -> bytes:
        mark = b"\n" + self.token
        keep = len(mark) + _LONGEST
        at = held.find(mark + b" end ")
        while at >= 0:
            record = _STATUS.match(held, at + len(mark))
            if record:
                self.status = int(record.group(1))
                self._held = b""
                return held[:at]
            if len(held) - at < keep:
                break
            # Who knows the token may print anything behind it: what is no end record is payload, and counts as such.
            at = held.find(mark + b" end ", at + 1)
        cut = at if at >= 0 else max(0, len(held) - keep)
        self._held = held[cut:]
        return held[:cut]

    def skip(self, piece: bytes) -> bytes:
        """Take output until the answer begins and return what follows as it is, without looking for an end record.

        For a program that takes the script's place and leaves none.

        Raises:
            FrameError: too much output came before the answer.
        """
        if self.began:
            return piece
        begin = self.token + b" begin\n"
        self._held += piece
        at = self._held.find(begin)
        if at < 0:
            if len(self._held) > MOST_NOISE:
                raise FrameError(self._held)
            return b""
        rest, self._held = self._held[at + len(begin) :], b""
        self.began = True
        return rest

    def noise(self) -> bytes:
        """Return what the host said when no answer began, or the tail of a cut answer."""
        return self._held


LONGEST_RECORD = 1 << 20
"""Bytes in which a record ends."""


@dataclass(slots=True)
class Records:
    """Takes a payload piecewise and gives the records back that start with ``TOKEN`` and a space.

    A name with line feeds in it cannot forge a record: it does not know the token. Only what the next record or
    the end follows is known to be whole.

    Args:
        token: the text that frames this answer.
    """

    token: bytes
    _held: bytes = b""
    _began: bool = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece and return the records that are whole now.

        Raises:
            FrameError: one of them has no end.
        """
        parts = (self._held + piece).split(self.token + b" ")
        self._held = parts.pop()
        if len(self._held) > LONGEST_RECORD:
            raise FrameError(self._held[:1000])
        if parts and not self._began:
            # What comes before the first record is none.
            self._began = True
            del parts[0]
        return [part.removesuffix(b"\n") for part in parts]

    def end(self) -> list[bytes]:
        """Return the last record, if there is any: the payload has ended."""
        last, self._held, self._began = self._held if self._began else None, b"", False
        return [] if last is None else [last.removesuffix(b"\n")]


PLAIN = b"\0"
"""Stands for the token in what is kept of a payload: no name holds it, so it forges no record either."""


class Digested:
    """Digests a payload of records that comes piecewise, and gives it back with `PLAIN` for the token.

    Args:
        token: the text that frames this answer.
    """

    def __init__(self, token: bytes) -> None:
        self._token = token + b" "
        self._held = b""
        self._hash = hashlib.sha256()

    def feed(self, piece: bytes) -> bytes:
        """Take the next piece and return the records that are whole now.

        Raises:
            FrameError: one of them has no end.
        """
        held = self._held + piece
        at = max(0, held.rfind(self._token))
        if len(held) - at > LONGEST_RECORD:
            raise FrameError(held[at : at + 1000])
        self._held = held[at:]
        return self._plain(held[:at])

    def end(self) -> bytes:
        """Return the rest: the payload has ended."""
        rest, self._held = self._held, b""
        return self._plain(rest)

    def digest(self) -> str:
        """Return the digest of what was given back."""
        return self._hash.hexdigest()

    def _plain(self, whole: bytes) -> bytes:
        plain = whole.replace(self._token, PLAIN + b" ")
        self._hash.update(plain)
        return plain


def records(payload: bytes, token: bytes) -> list[bytes]:
    """Split a whole payload into its records; see `Records`."""
    parts = payload.split(token + b" ")
    return [part.removesuffix(b"\n") for part in parts[1:]]
