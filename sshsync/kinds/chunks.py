"""Pieces of files: what a host is asked about ranges of them, and how its answers are read; nothing is trusted."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sshsync.core.pieces import Cut, Extent, Piece
from sshsync.errors import CommandError, ToolMissingError
from sshsync.kinds.base import Answer, Dialogue, Request, Subject
from sshsync.kinds.refusals import checked
from sshsync.model.item import Key
from sshsync.remote import scripts
from sshsync.remote.probe import Capabilities
from sshsync.remote.ranges import BLOCK, counted, enclosed
from sshsync.remote.scripts import Command

HASH_RATE = 5_000_000
"""Bytes a second that the slowest host is expected to digest; only bounds how long silence is fine."""

EACH = 0.02
"""Seconds that the slowest host needs to start what digests one block; bounds the same."""

PORTION = 4 << 30
"""Bytes that one request is about at most: the unit of trying again."""

FEW = 16
"""Blocks up to which no interpreter is worth its start."""

DIGITS = 16
"""Digits that are told of the digest of a block; a program tells six bytes of each piece."""

_TOLD = 6
_HEX = re.compile(rb"[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Question:
    """A range of one file, and how it is to be cut."""

    key: Key
    extent: Extent
    cut: Cut


@dataclass(frozen=True, slots=True)
class Means:
    """What two hosts have in common to compare files with.

    Attributes:
        algorithm: of the digests of pieces.
        content: whether both can cut where the content says so.
    """

    algorithm: str
    content: bool = False


def common(one: Capabilities, other: Capabilities, algorithm: str) -> Means | None:
    """Return how two hosts can compare files, None when they cannot.

    Args:
        one, other: what they can do.
        algorithm: the digest that their chain compares, for blocks.
    """
    for name in ("sha1", "md5"):
        if _cutter(one, name) and _cutter(other, name):
            return Means(name, content=True)
    able = all(algorithm in host.digests and "dd" in host.tools for host in (one, other))
    return Means(algorithm) if able else None


def quickest(able: Capabilities, asked: Sequence[Question], means: Means) -> Means:
    """Return how a host tells soonest of blocks, for whoever compares the digests with whole ones.

    A program starts in the time in which the digest tool tells of a dozen or two.
    """
    few = sum(_count(one) for one in asked) <= FEW and not any(one.cut.tail for one in asked)
    return Means(means.algorithm) if few and "dd" in able.tools and means.algorithm in able.digests else means


def ask(
    subject: Subject, root: bytes, below: bytes, asked: Sequence[Question], means: Means
) -> Dialogue[list[tuple[Piece, ...]]]:
    """Ask a host for the pieces of ranges of files.

    Args:
        subject: whose tools are used.
        root: the resolved root.
        below: directory in which the keys are, "." or a staging directory.
        asked: what is wanted to know.
        means: what both hosts have in common.

    Returns:
        The pieces of each range, in order. Where a file is shorter than the range, or cannot be read, some or all are
        missing.

    Raises:
        CommandError: the host failed, or its answer is none.
        ToolMissingError: it has nothing that could tell.
    """
    found: list[list[Piece]] = [[] for _ in asked]
    for portion in _portions(asked):
        questions = [question for _, question in portion]
        if means.content:
            answers = yield from _by_program(subject, root, below, questions, means)
        else:
            answers = yield from _by_tool(subject, root, below, questions, means)
        for (number, _), pieces in zip(portion, answers, strict=True):
            found[number] += pieces
    return [tuple(pieces) for pieces in found]


def _cutter(capabilities: Capabilities, algorithm: str) -> str:
    """Return the interpreter whose program tells of pieces by this algorithm, "" when there is none."""
    return next((name for name, known in capabilities.cutters.items() if algorithm in known), "")


def _by_program(
    subject: Subject, root: bytes, below: bytes, asked: Sequence[Question], means: Means
) -> Dialogue[list[list[Piece]]]:
    name = _cutter(subject.capabilities, means.algorithm)
    if not name:
        raise ToolMissingError(
            f"has no program that could tell pieces by {means.algorithm}", where=subject.repository.name
        )
    variables = {"ROOT": root, "BELOW": below, "DIGEST": means.algorithm.encode(), **scripts.CUTTERS[name].variables}
    lines = b"".join(
        b"%d %d %d %d %d %s\n" % (*one.extent, one.cut.least, one.cut.most, one.cut.tail, enclosed(one.key))
        for one in asked
    )
    allow = sum(one.extent.length for one in asked) / HASH_RATE
    answer = checked((yield Request(Command(scripts.PIECES, variables), lines, allow)), subject, "comparing")
    return _told(answer.payload, asked, subject)


def _told(payload: bytes, asked: Sequence[Question], subject: Subject) -> list[list[Piece]]:
    """Read what a program told: lengths of seven bits a byte, digests, a zero behind each range."""
    found: list[list[Piece]] = []
    at = 0
    for question in asked:
        pieces: list[Piece] = []
        offset, end = question.extent.offset, question.extent.end
        while True:
            length = shift = 0
            while True:
                if at >= len(payload) or shift > 56:
                    raise _nonsense(subject, "an answer that ends too early")
                byte = payload[at]
                length |= (byte & 127) << shift
                at += 1
                shift += 7
                if byte < 128:
                    break
            if not length:
                break
            digest = payload[at : at + _TOLD]
            at += _TOLD
            if length > question.cut.most or offset + length > end or len(digest) < _TOLD:
                raise _nonsense(subject, "a piece that is longer than what was asked about")
            pieces.append(Piece(offset, length, digest))
            offset += length
        found.append(pieces)
    if at != len(payload):
        raise _nonsense(subject, "an answer that goes on behind its end")
    return found


def _by_tool(
    subject: Subject, root: bytes, below: bytes, asked: Sequence[Question], means: Means
) -> Dialogue[list[list[Piece]]]:
    size = max(one.cut.most for one in asked)
    tool = tool_for(subject, means.algorithm, size)
    variables = {"ROOT": root, "BELOW": below, "TOOL": tool.encode(), "DIGITS": b"%d" % DIGITS}
    lines = b"".join(line for one in asked for line in _block_lines(one))
    allow = sum(one.extent.length / HASH_RATE + _count(one) * EACH for one in asked)
    answer = checked((yield Request(Command(scripts.CHUNKS, variables), lines, allow)), subject, "comparing")
    return _hexadecimal(answer, asked, subject)


def tool_for(subject: Subject, algorithm: str, size: int) -> str:
    """Return the command that digests blocks of `size` bytes.

    Raises:
        ToolMissingError: the host has none.
    """
    tool = subject.capabilities.digests.get(algorithm)
    if size >= 4 << 20:
        tool = subject.capabilities.bulk.get(algorithm, tool)
    if not tool or "dd" not in subject.capabilities.tools:
        raise ToolMissingError(f"has no dd, or nothing that computes {algorithm}", where=subject.repository.name)
    return tool


def _count(question: Question) -> int:
    return -(-question.extent.length // question.cut.most)


def _block_lines(question: Question) -> Iterator[bytes]:
    """Yield the lines that ask for the blocks of a range: for the whole ones, and for what is left behind them."""
    (offset, length), size = question.extent, question.cut.most
    count, rest = divmod(length, size)
    unit = min(BLOCK, size)
    if count:
        yield b"%s %d %d %d %s\n" % (counted(offset), unit, size // unit, count, enclosed(question.key))
    if rest:
        yield b"%s %d 1 1 %s\n" % (counted(offset + count * size), rest, enclosed(question.key))


def _hexadecimal(answer: Answer, asked: Sequence[Question], subject: Subject) -> list[list[Piece]]:
    """Read a line for each block: so many digits, or a dash for what cannot be read."""
    lines = answer.payload.splitlines()
    if len(lines) != sum(_count(one) for one in asked):
        raise _nonsense(subject, f"{len(lines)} digests for {sum(_count(one) for one in asked)} blocks")
    found: list[list[Piece]] = []
    each = iter(lines)
    for question in asked:
        pieces: list[Piece] = []
        for extent in cut_in_blocks(question.extent, question.cut.most):
            line = next(each)
            if line != b"-":
                if len(line) != DIGITS or not _HEX.fullmatch(line):
                    raise _nonsense(subject, "what is no digest")
                pieces.append(Piece(*extent, bytes.fromhex(line.decode())))
        found.append(pieces)
    return found


def cut_in_blocks(extent: Extent, size: int) -> Iterator[Extent]:
    """Yield the blocks of an extent; the last one may be shorter."""
    for offset in range(extent.offset, extent.end, size):
        yield Extent(offset, min(size, extent.end - offset))


def _portions(asked: Sequence[Question]) -> Iterator[list[tuple[int, Question]]]:
    """Split what is asked, with its numbers, so that a lost connection costs one portion and not the whole night."""
    portion: list[tuple[int, Question]] = []
    size = 0
    for number, question in _split(asked):
        if portion and size + question.extent.length > PORTION:
            yield portion
            portion, size = [], 0
        portion.append((number, question))
        size += question.extent.length
    if portion:
        yield portion


def _split(asked: Iterable[Question]) -> Iterator[tuple[int, Question]]:
    for number, question in enumerate(asked):
        most = PORTION // question.cut.most * question.cut.most
        for extent in cut_in_blocks(question.extent, most):
            yield number, Question(question.key, extent, question.cut)


def _nonsense(subject: Subject, what: str) -> CommandError:
    return CommandError(
        f"comparing: it answered {what}",
        where=subject.repository.name,
        hint="look whether its tools are sound; without a comparison whole files are sent",
    )
