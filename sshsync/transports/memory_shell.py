"""What all scripts share on a host in memory: the step into a root, the check of every path, names by directory."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from sshsync.remote import packing
from sshsync.remote.scripts import LOST
from sshsync.transports.memory_host import MemoryHost

_OCTAL = re.compile(rb"\\0([0-7]{3})")
_TOOL = re.compile(r"(md5|sha1|sha256|sha512)|-a (\d+)")
ONCE = 100
"""Names that one call of a tool is given at most."""


class Ended(Exception):
    """A script's end: its status, and what it says on its error output."""

    def __init__(self, status: int, words: bytes = b"") -> None:
        super().__init__(status)
        self.status = status
        self.words = words


class Shell:
    """A running script: its variables, its input, and what it says; each helper is one of the scripts' functions.

    Args:
        host: whose disk and tools it works with, and whose lock the caller holds.
        variables: the script's variables.
        stdin: its whole input.
    """

    def __init__(self, host: MemoryHost, variables: dict[str, bytes], stdin: bytes) -> None:
        self._host = host
        self._vars = variables
        self._stdin = stdin
        self._root = variables.get("ROOT", b"")
        self._own = self._root + b"/.sshsync"
        self._out = bytearray()
        self._errors = bytearray()
        self._failed = 0
        self._damaged = b""

    def run(self, name: str) -> tuple[int, bytes, bytes]:
        """Run the script of this name; return its status, its payload and its error output."""
        script: Callable[[], int | None] | None = getattr(self, name.replace("-", "_"), None)
        try:
            if script is None:
                raise Ended(127, b"sh: a host in memory runs no " + name.encode())
            status = script() or 0
            self._whole()
        except Ended as end:
            self._say(end.words)
            status = end.status
        except OSError as error:
            self._refused(name.encode(), error)
            status = 1
        return status, bytes(self._out), bytes(self._errors)

    def _say(self, words: bytes) -> None:
        if words:
            self._errors += words + b"\n"

    def _refused(self, tool: bytes, error: OSError) -> None:
        self._say(b"%s: %s: %s" % (tool, os.fsencode(error.filename), words(error)))

    def _try(self, tool: bytes, deed: Callable[[], object]) -> bool:
        """Let a tool do something; what refuses it is told in the tool's words."""
        try:
            deed()
        except OSError as error:
            self._refused(tool, error)
            return False
        return True

    def _all(self, tool: bytes, names: Iterable[bytes], deed: Callable[[bytes], object]) -> bool:
        """Let a tool do something with each name, also after one that it refuses; tell whether it refused none."""
        done = [self._try(tool, partial(deed, name)) for name in names]
        return all(done)

    def _write(self, path: bytes, data: bytes) -> None:
        """Write a file that only its owner may read."""
        self._host.write(path, data, mode=0o600, mtime=int(self._host.clock()))

    def _tool(self, name: str) -> None:
        if name not in self._host.tools.programs:
            raise Ended(127, b"sh: %s: not found" % name.encode())

    def _algorithm(self, tool: bytes) -> str:
        """Return what a tool computes."""
        found = _TOOL.search(tool.decode())
        if found is None:
            raise Ended(127, b"sh: %s: not found" % tool)
        return found[1] or f"sha{found[2]}"

    def _inflate(self) -> None:
        """Have the input opened where it comes compressed; what is damaged is so up to there."""
        tool = self._packer()
        if not tool:
            return
        rest, self._stdin = self._stdin, b""
        while rest or not self._stdin:
            engine = packing.unpacker(tool)
            try:
                self._stdin += engine.decompress(rest, sys.maxsize)
            except packing.Damages:
                self._damaged = f"{tool}: stdin: not in {tool} format".encode()
                return
            if not engine.eof:
                self._damaged = f"{tool}: stdin: unexpected end of file".encode()
                return
            rest = engine.unused_data
            if not rest:
                return

    def _whole(self) -> None:
        """End where what came compressed was damaged."""
        if self._damaged:
            raise Ended(1, self._damaged)

    def _deflate(self) -> None:
        """Have the output compressed where that is asked for."""
        tool = self._packer()
        if tool:
            engine = packing.packer(tool)
            self._out[:] = engine.compress(bytes(self._out)) + engine.flush()

    def _packer(self) -> str:
        """Return the tool by which bytes come and go compressed; "" for none."""
        tool = self._vars.get("PACK", b"").decode()
        if tool:
            self._tool(tool)
        return tool

    def _top(self) -> None:
        host = self._host
        if not host.is_directory(self._root):
            raise Ended(1, b"sh: cd: can't cd to " + self._root)
        if host.path(self._root) != self._root:
            raise Ended(1, b"the root is not %s any more" % self._root)

    def _ours(self) -> None:
        self._top()
        for name in (b"", b"/part", b"/batch", b"/lease", b"/replaced"):
            path = self._own + name
            if self._host.is_link(path) or (self._host.exists(path) and not self._host.is_directory(path)):
                raise Ended(
                    1, b".sshsync%s is not a directory of ours (remove this file or link, then run again)" % name
                )

    def _held(self) -> None:
        lease = self._vars.get("LEASE", b"")
        if lease and not self._host.is_directory(self._own + b"/lease/" + lease):
            raise Ended(LOST)

    def _enter(self, directory: bytes) -> bytes:
        """Return where ``cd`` below the root leads."""
        place = self._host.path(self._root + b"/" + directory)
        if not self._host.is_directory(place):
            raise Ended(2, b"sh: cd: can't cd to " + directory)
        return place

    def _real(self, here: bytes, directory: bytes, *, make: bool) -> int:
        """Return 0 for real directories all the way, 1 for anything else in it, 2 for one that is missing."""
        path = here
        for part in directory.split(b"/") if directory != b"." else []:
            path += b"/" + part
            if self._host.is_link(path):
                self._say(b".%s is a symbolic link" % path[len(here) :])
                return 1
            if not self._host.is_directory(path):
                if not make:
                    return 2
                try:
                    self._host.mkdir(path)
                except OSError as error:
                    self._say(b"mkdir: cannot create directory '.%s': %s" % (path[len(here) :], words(error)))
                    return 1
        return 0

    def _drop(self, key: bytes) -> None:
        """Remove a file that is in the way, with the directories that this empties."""
        directory = key.rpartition(b"/")[0] or b"."
        if self._real(self._root, directory, make=False) == 0 and self._safe(key):
            path = self._root + b"/" + key
            if self._host.is_link(path) or (self._host.exists(path) and not self._host.is_directory(path)):
                self._host.unlink(path)
            self._prune(directory)

    def _safe(self, key: bytes) -> bool:
        """Tell whether nothing is lost when a name goes: it is no file, or what it was is put aside."""
        path, keep, host = self._root + b"/" + key, self._vars.get("KEEP"), self._host
        kept = self._own + b"/replaced/" + (keep or b"") + b"/" + key
        safe = host.exists(kept) and not host.is_directory(kept)
        return not keep or safe or host.is_link(path) or not host.exists(path) or host.is_directory(path)

    def _prune(self, directory: bytes) -> None:
        while directory not in (b"", b"."):
            try:
                self._host.rmdir(self._root + b"/" + directory)
            except OSError:
                return
            directory = directory.rpartition(b"/")[0]

    def _names(self) -> Iterator[bytes]:
        if self._vars.get("XARGS"):
            return (name.removeprefix(b"./") for name in self._stdin.split(b"\0")[:-1])
        return (decoded(line) for line in self._stdin.splitlines())

    def _grouped(self, each: Callable[[bytes, Sequence[bytes], int], bool]) -> None:
        """Call `each` with a directory, some names in it and the number of the first; `_failed` tells of a failure."""
        group, names, count = b".", list[bytes](), 0

        def call() -> None:
            if names:
                self._failed |= not self._part(lambda: each(group, names.copy(), count - len(names)))
                names.clear()

        for line in self._stdin.split(b"\n")[:-1]:
            name = decoded(line[1:])
            if line[:1] == b"R":
                self._held()
                self._drop(name)
            elif line[:1] == b"G":
                call()
                group = name
            elif line[:1] == b"B":
                call()
                self._vars["BATCH"] = name
            elif line[:1] == b"F":
                names.append(name)
                count += 1
                if len(names) == ONCE:
                    call()
        call()

    def _part(self, deed: Callable[[], bool]) -> bool:
        """Do a part of a script that may fail by itself."""
        try:
            return deed()
        except Ended as end:
            self._say(end.words)
            return False


def words(error: OSError) -> bytes:
    """Return what a tool says of a refusal."""
    return (error.strerror or "").encode()


def decoded(name: bytes) -> bytes:
    """Return a name as it was before it was encoded for a script."""
    return _OCTAL.sub(lambda found: bytes([int(found.group(1), 8)]), name)
