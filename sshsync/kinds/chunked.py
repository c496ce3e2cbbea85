"""Digests of chunks: what a part in staging holds, chunk by chunk, in one request."""

from collections.abc import Sequence

from sshsync.core.algorithm import BY_LENGTH
from sshsync.core.pieces import Extent
from sshsync.errors import CommandError
from sshsync.kinds.base import Dialogue, Request, Subject
from sshsync.kinds.listing import checked
from sshsync.model.item import Digest, Key
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command

BLOCK = 65536
"""What chunks begin at a multiple of."""

RATE = 5_000_000
"""Bytes a second that the slowest host is expected to digest; only bounds how long silence is fine."""


def digests(
    subject: Subject, root: bytes, below: bytes, key: Key, chunks: Sequence[Extent]
) -> Dialogue[dict[Extent, Digest]]:
    """Return the digests of some chunks of a file, by the subject's algorithm; what cannot be read has none.

    Args:
        subject: whose host is asked.
        root: the resolved root.
        below: directory below it in which the file is.
        key: the file's name there.
        chunks: each begins at a multiple of `BLOCK`, and ends at one or at the file's end.

    Raises:
        CommandError: the host has no tool for it, or its answer is none.
    """
    tool = subject.capabilities.digests.get(subject.algorithm)
    if not tool or "dd" not in subject.capabilities.tools:
        raise CommandError("no digests of chunks can be made there", where=subject.repository.name)
    line = b"%d 0 65536 %d 1 ./" + encode.name(key).replace(b"%", b"%%") + b"/\n"
    lines = b"".join(line % (chunk.offset // BLOCK, -(-chunk.length // BLOCK)) for chunk in chunks)
    variables = {"ROOT": root, "BELOW": below, "TOOL": tool.encode(), "DIGITS": b"128"}
    allow = max((chunk.length for chunk in chunks), default=0) / RATE
    answer = yield Request(Command(scripts.CHUNKS, variables), lines, allow=allow)
    found = checked(answer, subject, "digesting chunks").payload.decode("ascii", "replace").splitlines()
    if len(found) != len(chunks):
        words = f"digesting chunks: {len(found)} answers for {len(chunks)} chunks"
        raise CommandError(words, where=subject.repository.name)
    made = ((chunk, words.split()[0] if words.split() else "") for chunk, words in zip(chunks, found, strict=True))
    return {chunk: f"{subject.algorithm}:{value}" for chunk, value in made if BY_LENGTH.get(len(value))}
