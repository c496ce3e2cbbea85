"""What compares and puts together, on a host in memory; the programs that it is sent are done as the core says."""

import hashlib
from collections.abc import Iterator

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
        for line in self._stdin.splitlines():
            *numbers, name = line.split(b" ", 4)
            blocks, behind, long, rest = map(int, numbers)
            start = blocks * _BLOCK + behind
            self._out += self._host.file(self._root + b"/./" + _name(name)).data[start:][: long * _BLOCK + rest]

    def assemble(self) -> None:
        """Make a part out of ranges of files and the bytes that came."""
        self._ours()
        self._tool("dd")
        self._assemble()

    def assemble_by(self) -> None:
        """Do the same by a program."""
        self._ours()
        self._interpreter()
        self._assemble()

    def _assemble(self) -> None:
        part = self._own + b"/part/" + self._vars["PART"]
        self._host.remove(part + b".open")
        self._host.make(self._own + b"/part")
        made = b"".join(self._built())
        if len(made) != int(self._vars["SIZE"]):
            raise Ended(1, b"what was put together is not of %s bytes" % self._vars["SIZE"])
        self._write(part + b".open", made)
        self._host.move(part + b".open", part)

    def _built(self) -> Iterator[bytes]:
        lines, dot, brought = (b"\n" + self._stdin).partition(b"\n.\n")
        if not dot:
            raise Ended(1, b"the plan has no end")
        source = b""
        for line in lines.split(b"\n")[1:]:
            if line[:1] == b"F":
                source = self._source(decoded(line[2:]))
                continue
            numbers = [int(word) for word in line.split(b" ")[1:]]
            length = numbers[-2] * _BLOCK + numbers[-1]
            if line[:1] == b"C":
                start = numbers[0] * _BLOCK + numbers[1]
                yield source[start : start + length]
            else:
                yield brought[:length]
                brought = brought[length:]

    def _source(self, name: bytes) -> bytes:
        path = self._root + b"/" + name
        if self._real(self._root, name.rpartition(b"/")[0] or b".", make=False) or self._host.is_link(path):
            raise Ended(1, b"./%s is behind a link" % name)
        if not self._is_file(path):
            raise Ended(1, b"./%s: it is no file" % name)
        return self._host.file(path).data

    def _is_file(self, path: bytes) -> bool:
        return self._host.exists(path) and not self._host.is_directory(path)

    def _interpreter(self) -> None:
        known = {name for name, _ in self._host.tools.cutters}
        if not any(name.encode() in self._vars["RUN"] for name in known):
            raise Ended(127, b"sh: %s: not found" % self._vars["RUN"].split(b" ")[0])


def _name(word: bytes) -> bytes:
    """Return a name that stands between marks."""
    return decoded(word[2:-1])


def _lengths(number: int) -> bytes:
    """Return a number by seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 127:
        out.append(128 | number & 127)
        number >>= 7
    return bytes([*out, number])
