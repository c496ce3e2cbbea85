"""What compares and puts together, on a host in memory; the programs that it is sent are done as the core says."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress

from sshsync.core.pieces import Cut, pieces
from sshsync.transports.memory_shell import Ended, Shell, decoded

_BLOCK = 1 << 16
_TOLD = 6


class Pieces(Shell):
    """What tells of pieces of files, and makes files of them."""

    def chunks(self) -> None:
        """Digest blocks of ranges of files."""
        self._top()
        place = self._enter(self._vars["BELOW"])
        self._tool("dd")
        tool, digits = self._algorithm(self._vars["TOOL"]), int(self._vars["DIGITS"])
        for line in self._stdin.splitlines():
            *numbers, name = line.split(b" ", 5)
            blocks, behind, unit, units, count = map(int, numbers)
            path, size, start = place + b"/" + _name(name), unit * units, blocks * _BLOCK + behind
            data = self._host.file(path).data if self._is_file(path) else None
            for offset in range(start, start + count * size, size):
                found = b"-" if data is None else hashlib.new(tool, data[offset : offset + size]).hexdigest().encode()
                self._out += found[:digits] + b"\n"

    def pieces(self) -> None:
        """Tell of the pieces of ranges of files."""
        self._top()
        place = self._enter(self._vars["BELOW"])
        self._interpreter()
        tool = self._algorithm(self._vars["DIGEST"])
        for line in self._stdin.splitlines():
            *numbers, name = line.split(b" ", 5)
            offset, length, least, most, tail = map(int, numbers)
            path = place + b"/" + _name(name)
            if self._is_file(path) and not self._host.is_link(path):
                data = self._host.file(path).data[offset : offset + length]
                for start, size in pieces(data, Cut(least, most, tail), tool):
                    self._out += _lengths(size) + hashlib.new(tool, data[start : start + size]).digest()[:_TOLD]
            else:
                self._say(_name(name) + b": it is no file")
            self._out += b"\0"

    def ranges(self) -> None:
        """Print ranges of files."""
        self._top()
        self._tool("dd")
        try:
            for line in self._stdin.splitlines():
                *numbers, name = line.split(b" ", 4)
                blocks, behind, long, rest = map(int, numbers)
                start = blocks * _BLOCK + behind
                self._out += self._host.file(self._root + b"/./" + _name(name)).data[start:][: long * _BLOCK + rest]
        finally:
            self._deflate()

    def ranges_by(self) -> None:
        """Print ranges of files by a program."""
        self._top()
        self._interpreter()
        lines, _, _ = (b"\n" + self._stdin).partition(b"\n.\n")
        try:
            for _, data in self._followed(lines.split(b"\n")[1:], b""):
                self._out += data
        finally:
            self._deflate()

    def make_by(self) -> None:
        """Make files of others and of the bytes that came."""
        self._ours()
        self._interpreter()
        self._inflate()
        batch = self._own + b"/batch/" + self._vars["BATCH"]
        self._host.make(batch + b".open")
        lines, dot, brought = (b"\n" + self._stdin).partition(b"\n.\n")
        if not dot:
            raise Ended(1, b"the plan has no end")
        for plan in lines.split(b"\nT ")[1:]:
            head, *rest = plan.split(b"\n")
            mode, time, word = head.split(b" ", 2)
            sent = sum(_length(line) for line in rest if line[:1] == b"L")
            path, made = batch + b".open/" + decoded(word), bytearray()
            self._host.make(path.rpartition(b"/")[0])
            with suppress(Ended):
                for _, data in self._followed(rest, brought[:sent]):
                    made += data
                self._host.put(path, bytes(made), mode=int(mode, 8), mtime=int(time))
            if len(brought) < sent:
                self._host.put(path, bytes(made), mode=0o600, mtime=int(self._host.clock()))
                raise Ended(1, b"stdin: it is shorter than it was")
            brought = brought[sent:]
        self._host.remove(batch)
        self._host.move(batch + b".open", batch)

    def _followed(self, lines: Sequence[bytes], brought: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield what a plan puts where."""
        source, at = b"", 0
        for line in lines:
            if line[:1] == b"F":
                least, word = line[2:].split(b" ", 1)
                source = self._source(int(least), word)
                continue
            length, data = _length(line), b""
            if line[:1] == b"C":
                data = source[_start(line) :][:length]
            elif line[:1] == b"L":
                data, brought = brought[:length], brought[length:]
            if line[:1] != b"H":
                yield at, data
                if len(data) < length:
                    raise Ended(1, b"not all of the bytes came")
            at += length

    def assemble(self) -> None:
        """Write ranges of files and the bytes that came into a part."""
        self._ours()
        self._tool("dd")
        self._assemble()

    def assemble_by(self) -> None:
        """Do the same by a program."""
        self._ours()
        self._interpreter()
        self._assemble()

    def _assemble(self) -> None:
        self._inflate()
        part = self._own + b"/part/" + self._vars["PART"]
        mark = part + b".open." + self._vars["WRITER"]
        self._host.make(self._own + b"/part")
        self._write(mark, b"")
        try:
            self._build(part)
        finally:
            self._host.unlink(mark)

    def _build(self, part: bytes) -> None:
        lines, dot, brought = (b"\n" + self._stdin).partition(b"\n.\n")
        if not dot:
            raise Ended(1, b"the plan has no end")
        if not self._host.exists(part):
            self._write(part, b"")
        for at, data in self._followed(lines.split(b"\n")[1:], brought):
            self._host.write_at(part, at, data, mode=0o600, mtime=int(self._host.clock()))

    def _source(self, least: int, word: bytes) -> bytes:
        name = decoded(word)
        path = self._root + b"/" + name
        if self._real(self._root, name.rpartition(b"/")[0] or b".", make=False) or self._host.is_link(path):
            raise Ended(1, b"./%s is behind a link" % name)
        if not self._is_file(path):
            raise Ended(1, b"./%s: it is no file" % name)
        data = self._host.file(path).data
        if len(data) <= least:
            raise Ended(1, b"./%s: it is shorter than it was" % name)
        return data

    def _is_file(self, path: bytes) -> bool:
        return self._host.exists(path) and not self._host.is_directory(path)

    def _interpreter(self) -> None:
        known = {name for name, _ in self._host.tools.cutters}
        if not any(name.encode() in self._vars["RUN"] for name in known):
            raise Ended(127, b"sh: %s: not found" % self._vars["RUN"].split(b" ")[0])


def _name(word: bytes) -> bytes:
    """Return a name that stands between marks."""
    return decoded(word[2:-1])


def _length(line: bytes) -> int:
    """Return how many bytes a line of a plan is about."""
    blocks, rest = line.split(b" ")[-2:]
    return int(blocks) * _BLOCK + int(rest)


def _start(line: bytes) -> int:
    """Return where the range of a line begins."""
    _, blocks, rest, *_length = line.split(b" ")
    return int(blocks) * _BLOCK + int(rest)


def _lengths(number: int) -> bytes:
    """Return a number by seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 127:
        out.append(128 | number & 127)
        number >>= 7
    return bytes([*out, number])
