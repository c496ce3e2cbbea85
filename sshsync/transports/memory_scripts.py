"""What the scripts do on a host in memory: step by step what their shell does, by the same names."""

import calendar
import io
import tarfile
import time
from collections.abc import Callable, Sequence
from functools import partial

from sshsync.remote.scripts import OPEN, Command
from sshsync.transports.memory_aside import Aside
from sshsync.transports.memory_disk import File
from sshsync.transports.memory_host import MemoryHost
from sshsync.transports.memory_lease import Leases
from sshsync.transports.memory_parts import Parts, half_written
from sshsync.transports.memory_pieces import Pieces
from sshsync.transports.memory_shell import ONCE, Ended, decoded


class Scripts(Parts, Leases, Pieces, Aside):
    """Every script, by its name; what changes a host stands here."""

    def unpack(self) -> None:
        """Unpack a tar archive into a batch."""
        self._ours()
        self._tool("tar")
        self._inflate()
        batch = self._batch()
        self._host.make(batch + OPEN.encode())
        try:
            self._extract(batch + OPEN.encode() + b"/")
        except tarfile.TarError as error:
            raise Ended(2, b"tar: this is no archive") from error
        self._whole()
        self._close(batch)

    def _extract(self, place: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(self._stdin), encoding="utf-8", errors="surrogateescape") as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                key = entry.name.encode("utf-8", "surrogateescape").removeprefix(b"./")
                if content:
                    self._host.put(place + key, content.read(), mode=entry.mode, mtime=int(entry.mtime))

    def close(self) -> None:
        """Take a batch's ending away."""
        self._ours()
        if self._host.is_directory(self._batch() + OPEN.encode()):
            self._close(self._batch())

    def reuse(self) -> None:
        """Copy files of its own into a batch."""
        self._ours()
        opened, target = self._batch() + OPEN.encode(), b""
        self._host.make(opened)
        for line in self._stdin.split(b"\n")[:-1]:
            name = decoded(line[1:])
            if line.startswith(b"T"):
                target = name
            elif self._plain_file(name) and not self._real(opened, target.rpartition(b"/")[0] or b".", make=True):
                self._host.copy(self._root + b"/" + name, opened + b"/" + target)
        self._close(self._batch())

    def _plain_file(self, name: bytes) -> bool:
        path = self._root + b"/" + name
        plain = not self._real(self._root, name.rpartition(b"/")[0] or b".", make=False)
        return plain and self._is_file(path) and not self._host.is_link(path)

    def take_over(self) -> None:
        """Bring a leftover under a name of this lease."""
        self._ours()
        self._held()
        host, origin, target = self._host, self._own + b"/" + self._vars["FROM"], self._own + b"/" + self._vars["TO"]
        for name in (b"/part", b"/batch"):
            host.make(self._own + name)
        if host.is_link(origin):
            raise Ended(1, origin + b" is a symbolic link")
        if not host.exists(origin):
            return
        opened = target + OPEN.encode()
        if self._vars["COPY"] != b"yes":
            host.move(origin, target)
        else:
            host.make(opened)
            self._grouped(lambda group, names, _first: self._copy(origin, opened, group, names))
            self._close(target)

    def mark(self) -> int:
        """Set mode and time."""
        self._ours()
        self._held()
        place, failed = self._enter(self._vars["BELOW"]), 0
        for number, line in enumerate(self._stdin.split(b"\n")[:-1]):
            mode, stamp, name = line.split(b" ", 2)
            if not self._mark(place, decoded(name), int(mode, 8), stamp):
                self._out += b"failed %d\n" % number
                failed = 1
        return failed

    def publish(self) -> int:
        """Move batches into place."""
        self._ours()
        self._held()
        before, _, self._stdin = (b"\n" + self._stdin).partition(b"\nS\n")
        old = b""
        if self._vars.get("KEEP"):
            old, _, self._stdin = (b"\n" + self._stdin).partition(b"\nS\n")
        batches: list[bytes] = []
        part = b""
        for line in before.split(b"\n")[1:]:
            name = decoded(line[1:])
            if line[:1] == b"B":
                self._vars["BATCH"] = name
                batches.append(self._batch())
            elif line[:1] == b"P":
                part = self._own + b"/part/" + name
            elif line[:1] == b"N" and not self._put_part(part, name):
                return 1
            elif line[:1] == b"C":
                said = len(self._errors)
                self._real(self._root, name, make=True)
                del self._errors[said:]
        for path in [path for batch in batches for path in self._host.walk(batch)]:
            self._give(path)
        self._aside(decoded(line[1:]) for line in old.split(b"\n")[1:])
        self._flush()
        self._grouped(self._bring)
        self._flush()
        self._held()
        for batch in batches if not self._failed else []:
            self._host.remove(batch)
        return self._failed

    def _give(self, path: bytes) -> None:
        """Give a file to the group that is asked for."""
        file, asked = self._host.files.get(path), self._vars.get("FILEGROUP")
        if file and asked and file.group != asked:
            self._tool("chgrp")
            file.group = asked
            self._host.touch(file)

    def _put_part(self, part: bytes, name: bytes) -> bool:
        """Put a part into its batch; tell whether it is there, or was before."""
        if not self._host.exists(part):
            return True
        self._host.make(self._batch())
        if self._real(self._batch(), name.rpartition(b"/")[0] or b".", make=True):
            return False
        self._host.move(part, self._batch() + b"/" + name)
        return True

    def delete(self) -> int:
        """Delete files, and the directories that this empties."""
        self._ours()
        self._held()
        names = list(self._names())
        for first in range(0, len(names), ONCE):
            some = names[first : first + ONCE]
            self._failed |= not self._part(partial(self._delete, some, first))
        self._flush()
        self._held()
        return self._failed

    def link(self) -> int:
        """Make symbolic links."""
        self._ours()
        self._held()
        self._host.make(self._batch())
        target, number = b"", 0
        for line in self._stdin.split(b"\n")[:-1]:
            if line[:1] == b"T":
                target = decoded(line[1:])
                continue
            self._held()
            if not self._linked(decoded(line[1:]), target, swaps=line[:1] == b"O"):
                self._failed |= self._no(number)
            number += 1
        self._host.remove(self._batch())
        self._flush()
        self._held()
        return self._failed

    def _linked(self, name: bytes, target: bytes, *, swaps: bool) -> bool:
        host, path = self._host, self._root + b"/" + name
        if swaps and self._vars.get("KEEP"):
            self._aside([name])
            if not self._safe(name):
                return False
        if self._real(self._root, name.rpartition(b"/")[0] or b".", make=True):
            return False
        if host.is_link(path) or (swaps and self._is_file(path)):
            host.unlink(path)
        elif self._vars.get("EMPTY") and host.is_directory(path) and not any(host.walk(path)):
            host.remove(path)
        if host.exists(path):
            self._say(b"./%s is there, and is no link" % name)
            return False
        host.link(path, target)
        return True

    def arrange(self) -> int:
        """Remove directories with nothing in them, and make others."""
        self._ours()
        for number, line in enumerate(self._stdin.split(b"\n")[:-1]):
            self._held()
            name = decoded(line[1:])
            if found := self._real(self._root, name, make=line[:1] == b"M"):
                self._failed |= self._no(number) if found == 1 else 0
            elif line[:1] == b"R" and not self._gone(self._root + b"/" + name):
                self._out += b"stays %d\n" % number
        self._flush()
        self._held()
        return self._failed

    def _no(self, number: int) -> int:
        self._out += b"failed %d\n" % number
        return 1

    def _gone(self, path: bytes) -> bool:
        try:
            self._host.rmdir(path)
        except OSError:
            return False
        return True

    def discard(self) -> None:
        """Remove things from staging."""
        self._ours()
        self._held()
        for name in self._names():
            marks = self._own + b"/" + name + OPEN.encode()
            for path in [path for path in self._host.files if path.startswith(marks)]:
                self._host.remove(path)
            self._host.remove(self._own + b"/" + name)

    def _flush(self) -> None:
        if self._vars["SYNC"] and self._vars["SYNC"] != self._host.tools.sync.encode():
            raise Ended(127, b"sh: %s: not found" % self._vars["SYNC"])

    def _batch(self) -> bytes:
        return self._own + b"/batch/" + self._vars["BATCH"]

    def _close(self, batch: bytes) -> None:
        self._host.remove(batch)
        self._host.move(batch + OPEN.encode(), batch)

    def _copy(self, origin: bytes, target: bytes, group: bytes, names: Sequence[bytes]) -> bool:
        if self._real(target, group, make=True) or self._real(origin, group, make=False):
            return False
        here, there = origin + b"/" + group + b"/", target + b"/" + group
        return self._all(b"cp", names, lambda name: self._host.copy(here + name, there))

    def _mark(self, place: bytes, name: bytes, mode: int, stamp: bytes) -> bool:
        directory = name.rpartition(b"/")[0] or b"."
        if found := self._real(place, directory, make=False):
            self._say(b"./%s: no such directory" % directory if found == 2 else b"")
            return False
        if self._host.is_link(place + b"/" + name):
            self._say(b"./%s is a symbolic link" % name)
            return False
        file = File(b"") if self._host.is_directory(place + b"/" + name) else None
        if file is None and not self._try(b"chmod", partial(self._host.file, place + b"/./" + name)):
            return False
        self._give(place + b"/" + name)
        file = file or self._host.file(place + b"/" + name)
        self._host.touch(file)
        file.mode = mode
        try:
            parts = time.strptime(stamp.decode() + " UTC", "%Y%m%d%H%M.%S %Z")
        except ValueError:
            self._say(b"touch: invalid date format '%s'" % stamp)
            return False
        file.mtime = calendar.timegm(parts)
        return True

    def _bring(self, group: bytes, names: Sequence[bytes], first: int) -> bool:
        """Move files of a batch into a directory of the root."""
        self._held()
        host, batch = self._host, self._batch() + b"/" + group + b"/"
        there = self._root + b"/" + group + b"/"
        if not self._real(self._root, group, make=True):
            free = [
                name for name in names if self._free_place(batch + name, there + name) and self._spared(group, name)
            ]
            done = not self._real(self._batch(), group, make=False) and self._all(
                b"mv", free, lambda name: host.move(batch + b"./" + name, there)
            )
            if done:
                whole = [name for name in free if host.is_directory(there + name)]
                self._told(b"within", [path for name in whole for path in host.walk(there + name)])
                self._told(b"came", [there + name for name in free if name not in whole])
                for number in [number for number, name in enumerate(names, first) if name not in free]:
                    self._out += self._vars["TOKEN"] + b" failed %d\n" % number
                return len(free) == len(names)
        failed = False
        for number, name in enumerate(names, first):
            staged, placed = (host.exists(path + name) or host.is_link(path + name) for path in (batch, there))
            if staged or not placed:
                self._out += self._vars["TOKEN"] + b" failed %d\n" % number
                failed = True
        return not failed

    def _spared(self, group: bytes, name: bytes) -> bool:
        """Tell whether what is in the place of a staged file is put aside, now at the latest."""
        key = name if group == b"." else group + b"/" + name
        if self._is_file(self._batch() + b"/" + key):
            self._aside([key])
            return self._safe(key)
        return True

    def _told(self, word: bytes, paths: Sequence[bytes]) -> None:
        if paths:
            self._out += self._vars["TOKEN"] + b" " + word + b"\n"
        for path in paths:
            self._record(self._root, self._host.path(path, last=False)[len(self._root) + 1 :])

    def _free_place(self, staged: bytes, path: bytes) -> bool:
        """Tell whether something staged may go to a path: a directory only where there is nothing."""
        host = self._host
        there = host.exists(path) or host.is_link(path)
        if host.is_directory(staged):
            return not there
        spare = self._vars.get("EMPTY") and host.is_directory(path) and not host.is_link(path)
        if spare and not any(host.walk(path)):
            host.remove(path)
        return True

    def _delete(self, names: Sequence[bytes], first: int) -> bool:
        self._held()
        host, there = self._host, self._root + b"/"
        self._aside(names)
        above = {name: name.rpartition(b"/")[0] or b"." for name in names}
        found = {place: self._real(self._root, place, make=False) for place in dict.fromkeys(above.values())}
        safe = [name for name in names if self._safe(name)]
        free = [name for name in safe if found[above[name]] == 0]
        done = self._all(b"rm", free, lambda name: self._rm(there + b"./" + name))
        for place in dict.fromkeys(above[name] for name in free):
            self._prune(place)
        if done and 1 not in found.values() and safe == list(names):
            return True
        for number, name in enumerate(names, first):
            if host.exists(there + name) or host.is_link(there + name):
                self._out += b"failed %d\n" % number
        return False

    def _rm(self, path: bytes) -> None:
        if self._host.exists(path) or self._host.is_link(path):
            self._host.unlink(path)


def postponed(host: MemoryHost, command: Command, stdin: bytes, kind: str) -> Callable[[], object]:
    """Return the rest of a script whose connection broke.

    Args:
        kind: ``late`` for all of it; ``torn`` and ``open`` for a receiver that has written half or all of each file
            already, and goes on in the very same files.
    """
    name, variables = command.script.name, command.variables
    if kind == "late" or name not in ("unpack", "store"):
        return lambda: Scripts(host, variables, stdin).run(name)
    if name == "store":
        return half_written(host, Scripts(host, variables, stdin), kind)

    before = set(map(id, host.files.values()))
    Scripts(host, {**variables, "BATCH": variables["BATCH"] + OPEN.encode()}, stdin).run(name)
    written = [file for file in host.files.values() if id(file) not in before]
    whole = [file.data for file in written]
    for file in written:
        file.data = file.data[: len(file.data) // 2] if kind == "torn" else file.data

    def rest() -> None:
        for file, data in zip(written, whole, strict=True):
            file.data = data + b" and more, late"

    return rest
