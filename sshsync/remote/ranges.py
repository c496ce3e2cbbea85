"""Ranges of files on their way to a host: where bytes are, and how a file is put together of them.

Every number is told as ``dd`` counts it, in blocks of 64 KiB and the bytes behind them: no shell calculates with sizes.
"""

from collections.abc import Iterable, Mapping, Sequence

from sshsync.core.chunks import Copy
from sshsync.core.pieces import Extent
from sshsync.model.item import Item
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command, Foreign

BLOCK = 1 << 16
"""Bytes that ``dd`` reads at once."""


def counted(number: int) -> bytes:
    """Return a number of bytes as blocks, and bytes behind them."""
    return b"%d %d" % divmod(number, BLOCK)


def enclosed(key: bytes) -> bytes:
    """Return a name for a line with numbers: between marks, so that no blank at its ends is lost."""
    return b"./" + encode.name(key) + b"/"


def reading(root: bytes, asked: Iterable[tuple[bytes, Extent]]) -> tuple[Command, bytes]:
    """Return the command that prints ranges of files below a root, one after another, and its whole input."""
    lines = (b"%s %s %s\n" % (counted(one.offset), counted(one.length), enclosed(key)) for key, one in asked)
    return Command(scripts.RANGES, {"ROOT": root}), b"".join(lines)


def assembling(
    root: bytes, part: bytes, writer: bytes, recipe: Sequence[Copy | Extent], programs: Mapping[str, object]
) -> tuple[Command, bytes]:
    """Return the command that writes what lies on a host, and what is sent, into a part, and how its input begins.

    Behind that beginning come the bytes of all extents of the recipe, in its order, and nothing else. What the recipe
    is not about stays as it is.

    Args:
        root: the resolved root; the sources of copies are below it.
        part: name of the file below ``.sshsync/part/``.
        writer: makes the mark of this writer differ from those of others that write there at the same time.
        recipe: what becomes of ranges of the part, from the first to the last.
        programs: the interpreters that the host has, the better one first; without one its shell does it.
    """
    size = sum(one.length for one in recipe if isinstance(one, Extent))
    variables = {"ROOT": root, "PART": part, "WRITER": writer}
    program: Foreign | None = next((scripts.ASSEMBLERS[name] for name in programs), None)
    if program:
        command = Command(scripts.ASSEMBLE_BY, {**variables, **program.variables})
    else:
        command = Command(scripts.ASSEMBLE, {**variables, "SIZE": b"%d" % size})
    return command, b"".join(_plan(recipe)) + b".\n"


def making(
    root: bytes, batch: bytes, recipes: Iterable[tuple[Item, Sequence[Copy | Extent]]], programs: Mapping[str, object]
) -> tuple[Command, bytes]:
    """Return the command that makes many files of what lies on a host, and of what is sent, and how its input begins.

    They get their modes and times. One that cannot be made of others is left out. Behind that beginning come the bytes
    of all extents, in their order.

    Args:
        root: the resolved root; the sources of copies are below it.
        batch: where they are made, below ``.sshsync/batch/``.
        recipes: the files, and what each is made of, from its first byte to its last.
        programs: the interpreters that the host has, the better one first; at least one.
    """
    program = next(scripts.ASSEMBLERS[name] for name in programs)
    lines = []
    for item, recipe in recipes:
        made = item.portable()
        lines.append(b"T %o %d %s\n" % (made.mode & 0o777, made.mtime, encode.name(made.key)))
        lines += _plan(recipe)
    return Command(scripts.MAKE_BY, {"ROOT": root, "BATCH": batch, **program.variables}), b"".join(lines) + b".\n"


def reading_by(
    root: bytes, asked: Iterable[tuple[bytes, Sequence[Extent]]], programs: Mapping[str, object]
) -> tuple[Command, bytes]:
    """Return the command that prints ranges of many files, one after another, by a program, and its whole input.

    Args:
        root: the resolved root; the files are below it.
        asked: files, and ranges of each.
        programs: the interpreters that the host has, the better one first; at least one.
    """
    program = next(scripts.ASSEMBLERS[name] for name in programs)
    lines = [line for key, extents in asked for line in _plan([Copy(0, e.length, key, e.offset) for e in extents])]
    return Command(scripts.RANGES_BY, {"ROOT": root, **program.variables}), b"".join(lines) + b".\n"


def _plan(recipe: Sequence[Copy | Extent]) -> Iterable[bytes]:
    least: dict[bytes, int] = {}
    for one in recipe:
        if isinstance(one, Copy):
            least[one.source] = max(least.get(one.source, 0), one.offset + one.length)
    source, reached = None, 0
    for one in recipe:
        at = one.at if isinstance(one, Copy) else one.offset
        if at > reached:
            yield b"H %s\n" % counted(at - reached)
        reached = at + one.length
        if isinstance(one, Extent):
            yield b"L %s\n" % counted(one.length)
            continue
        if one.source != source:
            source = one.source
            yield b"F %d %s\n" % (least[source] - 1, encode.name(source))
        yield b"C %s %s\n" % (counted(one.offset), counted(one.length))
