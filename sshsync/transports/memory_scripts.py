"""What the scripts do on a host in memory: the same deeds, the same answers, by the same names."""

import calendar
import hashlib
import io
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from sshsync.remote.scripts import HELD, LOST, MISSING, OPEN, Command
from sshsync.transports.memory_host import OWN, File, MemoryHost

_OCTAL = re.compile(rb"\\0([0-7]{3})")


class Scripts:
    """What each script does on a host in memory; the methods carry the scripts' names."""

    def __init__(self, host: MemoryHost, variables: dict[str, bytes], stdin: bytes) -> None:
        self._host = host
        self._vars = variables
        self._stdin = stdin
        self._root = variables.get("ROOT", b"").rstrip(b"/")
        self._token = variables["TOKEN"]

    def run(self, name: str) -> tuple[int, bytes]:
        """Return the script's status and payload."""
        method: Callable[[], tuple[int, bytes]] = getattr(self, name.replace("-", "_"))
        return method()

    def probe(self) -> tuple[int, bytes]:
        """Answer as a Linux host with every tool."""
        tools = ("find", "tar", "mv", "rm", "mkdir", "rmdir", "chmod", "touch", "cat")
        lines = ["stat=gnu", "sync=sync -f", f"now={int(self._host.clock())}"]
        lines += [f"{name}={name}sum" for name in ("md5", "sha1", "sha256", "sha512")]
        return 0, "\n".join([*lines, *(f"tool={tool}" for tool in tools)]).encode() + b"\n"

    def root(self) -> tuple[int, bytes]:
        """Find or make the root."""
        if self._root not in self._host.roots:
            if self._vars["MAKE"] != b"yes":
                return MISSING, b""
            self._host.roots.add(self._root)
        return 0, self._root + b"\n"

    def list(self) -> tuple[int, bytes]:
        """List all files below a directory."""
        return 0, b"".join(self._record(key) for key in self._keys())

    def stat(self) -> tuple[int, bytes]:
        """Stat the named files."""
        names = list(self._names())
        return int(any(self._path(n) not in self._host.files for n in names)), b"".join(map(self._record, names))

    def digest(self) -> tuple[int, bytes]:
        """Digest the named files."""
        lines = [b"%s  ./%s\n" % (self._hash(name), name) for name in self._names() if self._file(name)]
        return 0, b"".join(lines)

    def digest_odd(self) -> tuple[int, bytes]:
        """Digest files with line feeds in their names."""
        return 0, b"".join(b"%s %s  -\n" % (self._token, self._hash(name)) for name in self._names())

    def read(self) -> tuple[int, bytes]:
        """Print the named files."""
        files = [self._file(name) for name in self._names()]
        return int(None in files), b"".join(file.data for file in files if file)

    def unpack(self) -> tuple[int, bytes]:
        """Unpack a tar archive into a batch."""
        self._remove(self._batch().rstrip(b"/"))
        with tarfile.open(fileobj=io.BytesIO(self._stdin), encoding="utf-8", errors="surrogateescape") as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                key = entry.name.encode("utf-8", "surrogateescape").removeprefix(b"./")
                if content:
                    self._host.put(self._batch() + key, content.read(), mode=entry.mode, mtime=int(entry.mtime))
        return 0, b""

    def store(self) -> tuple[int, bytes]:
        """Write one file into staging."""
        part = self._root + b"/.sshsync/part/" + self._vars["PART"]
        opened = self._host.files.pop(part + OPEN.encode(), None)
        self._host.put(part, self._stdin)
        if opened:
            # What is opened anew for writing is the same file as before.
            opened.data = self._stdin
            self._host.files[part] = opened
        return 0, b""

    def take_over(self) -> tuple[int, bytes]:
        """Bring a leftover under a name of this lease."""
        if not self._held():
            return LOST, b""
        origin, target = (self._root + b"/.sshsync/" + self._vars[name] for name in ("FROM", "TO"))
        chosen = {origin + b"/" + key for key in self._grouped()}
        files = self._host.files
        for path in [p for p in files if p == origin or p.startswith(origin + b"/")]:
            if self._vars["COPY"] != b"yes":
                files[target + path.removeprefix(origin)] = files.pop(path)
            elif not chosen or path in chosen:
                files[target + path.removeprefix(origin)] = replace(files[path], inode=self._host.tick())
        return 0, b""

    def claim(self) -> tuple[int, bytes]:
        """Take the lease, or tell who holds it."""
        token, expect, holder = self._vars["LEASE"], self._vars["EXPECT"], self._holder()
        if holder and holder != token and expect == holder:
            self._remove(self._root + b"/.sshsync/lease")
            holder = b""
        if holder in (b"", token):
            place = self._root + b"/.sshsync/lease/" + token
            self._host.put(place + b"/n0", b"")
            self._host.put(place + b"/owner", self._vars["OWNER"])
            return 0, b""
        lease = self._root + b"/.sshsync/lease/" + holder
        owner = self._host.files.get(lease + b"/owner")
        signs = sorted(path.rpartition(b"/")[2] for path in self._host.files if path.startswith(lease + b"/n"))
        told = [b"token " + holder, *([b"owner " + owner.data] if owner else []), *(b"sign " + sign for sign in signs)]
        return HELD, b"\n".join(told) + b"\n"

    def renew(self) -> tuple[int, bytes]:
        """Show a sign of life."""
        if not self._held():
            return LOST, b""
        lease = self._root + b"/.sshsync/lease/" + self._vars["LEASE"]
        for path in [path for path in self._host.files if path.startswith(lease + b"/n")]:
            del self._host.files[path]
        self._host.put(lease + b"/n" + self._vars["COUNT"], b"")
        return 0, b""

    def release(self) -> tuple[int, bytes]:
        """Give the lease back."""
        self._remove(self._root + b"/.sshsync/lease/" + self._vars["LEASE"])
        return 0, b""

    def mark(self) -> tuple[int, bytes]:
        """Set mode and time."""
        if not self._held():
            return LOST, b""
        failed = []
        for number, line in enumerate(self._stdin.splitlines()):
            mode, stamp, name = line.split(b" ", 2)
            file = self._file(_decoded(name))
            if file is None or not stamp[:-3].isdigit():
                failed.append(b"failed %d\n" % number)
                continue
            parts = time.strptime(stamp.decode() + " UTC", "%Y%m%d%H%M.%S %Z")
            file.mode, file.mtime, file.ctime_ns = int(mode, 8), _seconds(parts), self._host.tick()
        return int(bool(failed)), b"".join(failed)

    def publish(self) -> tuple[int, bytes]:
        """Move a batch into place."""
        if not self._held():
            return LOST, b""
        batch, files = self._batch(), self._host.files
        if self._vars["PART"]:
            part = files.pop(self._root + b"/.sshsync/part/" + self._vars["PART"], None)
            if part:
                files[batch + self._vars["PARTNAME"]] = part
        for line in self._names():
            if line[:1] == b"R":
                files.pop(self._root + b"/" + line[1:], None)
        failed = []
        for number, key in enumerate(self._grouped()):
            staged = None if self._blocked(key) else files.pop(batch + key, None)
            if staged:
                files[self._root + b"/" + key] = staged
            elif batch + key in files or self._root + b"/" + key not in files:
                failed.append(b"failed %d\n" % number)
        if not failed:
            self._remove(batch.rstrip(b"/"))
        return int(bool(failed)), b"".join(failed)

    def delete(self) -> tuple[int, bytes]:
        """Delete files."""
        if not self._held():
            return LOST, b""
        for key in self._grouped():
            self._host.files.pop(self._root + b"/" + key, None)
        return 0, b""

    def room(self) -> tuple[int, bytes]:
        """Tell nothing of space; names that differ in case only are different files."""
        return 0, b""

    def staged(self) -> tuple[int, bytes]:
        """Name what lies in staging."""
        prefix = self._root + b"/.sshsync/"
        names = {b"/".join(p[len(prefix) :].split(b"/")[:2]) for p in self._host.files if p.startswith(prefix)}
        return 0, b"".join(name + b"\n" for name in sorted(names))

    def discard(self) -> tuple[int, bytes]:
        """Remove things from staging."""
        if not self._held():
            return LOST, b""
        for name in self._names():
            self._remove(self._root + b"/.sshsync/" + name)
        return 0, b""

    def _holder(self) -> bytes:
        prefix = self._root + b"/.sshsync/lease/"
        below = (p[len(prefix) :].partition(b"/") for p in self._host.files if p.startswith(prefix))
        return next((token for token, slash, _ in below if slash), b"")

    def _held(self) -> bool:
        return self._vars.get("LEASE", b"") in (b"", self._holder())

    def _blocked(self, key: bytes) -> bool:
        """Tell whether a file stands where a directory of the key belongs, or a directory where the key does."""
        files, path = self._host.files, self._root + b"/" + key
        above = any(path[:at] in files for at in range(len(self._root) + 1, len(path)) if path[at : at + 1] == b"/")
        return above or any(other.startswith(path + b"/") for other in files)

    def _remove(self, gone: bytes) -> None:
        for path in [p for p in self._host.files if p == gone or p.startswith(gone + b"/")]:
            del self._host.files[path]

    def _batch(self) -> bytes:
        return self._root + b"/.sshsync/batch/" + self._vars["BATCH"] + b"/"

    def _below(self) -> bytes:
        below = self._vars.get("BELOW", b".")
        return self._root + b"/" if below == b"." else self._root + b"/" + below + b"/"

    def _path(self, key: bytes) -> bytes:
        return self._below() + key

    def _file(self, key: bytes) -> File | None:
        return self._host.files.get(self._path(key))

    def _keys(self) -> Iterator[bytes]:
        prefix = self._below()
        for path in sorted(self._host.files):
            key = path[len(prefix) :]
            if path.startswith(prefix) and not key.startswith(OWN):
                yield key

    def _names(self) -> Iterator[bytes]:
        return (_decoded(line) for line in self._stdin.split(b"\n") if line)

    def _grouped(self) -> Iterator[bytes]:
        directory = b""
        for line in self._names():
            if line[:1] == b"G":
                directory = b"" if line == b"G." else line[1:] + b"/"
            elif line[:1] == b"F":
                yield directory + line[1:]

    def _record(self, key: bytes) -> bytes:
        file = self._file(key)
        if file is None:
            return b""
        values = (0o100000 | file.mode, len(file.data), file.mtime, file.ctime_ns, file.inode)
        mode, size, mtime, ctime, inode = values
        times = b"%d.000000000 %d.%09d" % (mtime, ctime // 10**9, ctime % 10**9)
        return b"%s %x %d %s %d ./%s\n" % (self._token, mode, size, times, inode, key)

    def _hash(self, key: bytes) -> bytes:
        file = self._file(key)
        tool = self._vars["TOOL"].decode().removesuffix("sum")
        return hashlib.new(tool, file.data).hexdigest().encode() if file else b""


def postponed(host: MemoryHost, command: Command, stdin: bytes, kind: str) -> Callable[[], object]:
    """Return the rest of a script whose connection broke.

    Args:
        kind: ``late`` for all of it; ``torn`` and ``open`` for a receiver that has written half or all of each file
            already, and goes on in the very same files.
    """
    name, variables = command.script.name, command.variables
    place = {"unpack": "BATCH", "store": "PART"}.get(name)
    if kind == "late" or place is None:
        return lambda: Scripts(host, variables, stdin).run(name)

    before = set(map(id, host.files.values()))
    Scripts(host, {**variables, place: variables[place] + OPEN.encode()}, stdin).run(name)
    written = [file for file in host.files.values() if id(file) not in before]
    whole = [file.data for file in written]
    for file in written:
        file.data = file.data[: len(file.data) // 2] if kind == "torn" else file.data

    def rest() -> None:
        for file, data in zip(written, whole, strict=True):
            file.data = data + b" and more, late"

    return rest


def _decoded(name: bytes) -> bytes:
    return _OCTAL.sub(lambda found: bytes([int(found.group(1), 8)]), name)


def _seconds(parts: time.struct_time) -> int:
    return calendar.timegm(parts)
