"""The scripts that look and read, on a host in memory: step by step what their shell does, with the same answers."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial

from sshsync.remote.scripts import MISSING, UNGROUPED
from sshsync.transports.memory_shell import Ended, Shell

_LETTERS = {0o100000: b"f", 0o120000: b"l"}
"""What find calls what a file is."""
_MADE = 1_700_000_000
"""When all links and directories were made, in seconds since 1970."""


class Looks(Shell):
    """What looks at a host; only `list` and `room` make a directory."""

    def nothing(self) -> None:
        """Do nothing."""

    def probe(self) -> None:
        """Tell of the host's tools."""
        tools = self._host.tools
        lines = [f"stat={tools.stat}" if tools.stat else "", f"sync={tools.sync}" if tools.sync else ""]
        lines += [f"{algorithm}={command}" for algorithm, command in tools.digests]
        lines += [f"tool={program}" for program in sorted(tools.programs)]
        lines += [f"cutter={interpreter} {algorithm}" for interpreter, algorithm in tools.cutters]
        lines.append(f"now={int(self._host.clock())}")
        self._out += "".join(line + "\n" for line in lines if line).encode()

    def list(self) -> int:
        """Tell where the root is and what lies in staging; list all that is below."""
        status = self._find_root()
        if not status:
            printed = bool(self._vars.get("PRINT"))
            self._tree(self._root, printed=printed)
            if self._vars.get("LINKS") and not printed:
                self._leads(self._below(self._root, self._host.links))
            if self._vars.get("FOLLOW"):
                self._follow()
        self._deflate()
        return status

    def kept(self) -> int:
        """Tell where the root is; list what is put aside."""
        status = self._find_root()
        place = self._own + b"/replaced"
        if not status and self._host.is_directory(place) and self._host.path(place) == place:
            for path in self._host.walk(place):
                if not self._host.is_link(path):
                    self._record(place, path[len(place) + 1 :])
        return status

    def below(self) -> None:
        """List all that is no directory below one."""
        self._top()
        self._walk(self._enter(self._vars["BELOW"]))

    def _find_root(self) -> int:
        """Find or make the root."""
        host = self._host
        if why := self._member():
            raise Ended(UNGROUPED, why)
        if not host.is_directory(self._root):
            if host.exists(self._root) or host.is_link(self._root):
                raise Ended(1, self._root + b" is not a directory")
            if self._vars["MAKE"] != b"yes":
                return MISSING
            host.make(self._root)
        self._root = host.path(self._root)
        self._own = self._root + b"/.sshsync"
        self._out += self._vars["TOKEN"] + b" root " + self._root + b"\n"
        for name in self._left() if not host.is_link(self._own) else []:
            self._out += self._vars["TOKEN"] + b" left " + name + b"\n"
        return 0

    def _member(self) -> bytes:
        """Return why files cannot be given to the group that is asked for, b"" when they can."""
        groups, asked = self._host.groups, self._vars.get("FILEGROUP", b"")
        return b"tester is only in: " + b" ".join(sorted(groups)) if asked and groups and asked not in groups else b""

    def _walk(self, place: bytes) -> None:
        for key in self._below(place, self._host.walk(place)):
            self._record(place, key)

    def _tree(self, place: bytes, *, printed: bool) -> None:
        directories = [path for path in self._host.directories if path.startswith(place + b"/")]
        everything = self._below(place, [*self._host.walk(place), *directories])
        for key in sorted(everything, key=lambda key: key.split(b"/")):
            if printed and self._host.is_directory(place + b"/" + key) and not self._host.is_link(place + b"/" + key):
                self._out += b"%s d:0 0 0 0 0 ./%s\n" % (self._vars["TOKEN"], key)
            else:
                self._record(place, key, printed=printed)
                self._stranger(place, key)
                if printed and self._vars.get("LINKS"):
                    self._leads([key])

    def _follow(self) -> None:
        """Tell of the files to which links lead, and of links that lead astray."""
        root = self._root
        self._resolved(sorted(self._below(root, [path for path in self._host.links if path.startswith(root + b"/")])))

    def _resolved(self, keys: Iterable[bytes]) -> None:
        host, root, token = self._host, self._root, self._vars["TOKEN"]
        for key in keys:
            try:
                to = host.path(root + b"/" + key)
            except OSError:
                to = b""
            how = b"outside"
            if not to:
                how = b"nothing"
            elif to == self._own or to.startswith(self._own + b"/"):
                how = b"staging"
            elif to == root or to.startswith(root + b"/"):
                how = b"directory" if host.is_directory(to) else b"" if to in host.files else b"nothing"
            if how:
                self._out += b"%s astray %s ./%s\n" % (token, how, key)
            else:
                self._out += b"%s follow ./%s\n" % (token, key)
                self._record(root, key, follow=True)

    def _leads(self, keys: Iterable[bytes]) -> None:
        """Tell where links lead."""
        for key in keys:
            target = self._host.links.get(self._root + b"/" + key)
            if target is not None:
                token = self._vars["TOKEN"]
                self._out += b"%s link ./%s\n%s leads %s\n" % (token, key, token, target)

    def _below(self, place: bytes, paths: Iterable[bytes]) -> Iterator[bytes]:
        """Yield paths as they are called from a place, staging left out."""
        keys = (path[len(place) + 1 :] for path in paths)
        return (key for key in keys if key.split(b"/")[0] != b".sshsync")

    def _left(self) -> Iterator[bytes]:
        """Yield the names of what lies in staging."""
        for place in (b"part", b"batch", b"lease"):
            if self._host.is_directory(self._own + b"/" + place):
                for name in self._host.names(self._own + b"/" + place):
                    if self._host.exists(self._own + b"/" + place + b"/" + name):
                        yield place + b"/" + name

    def stat(self) -> int:
        """Stat the named files."""
        self._top()
        return int(not self._all(b"stat", self._names(), self._stat))

    def _stat(self, name: bytes) -> None:
        if self._vars.get("FOLLOW") and self._host.is_link(self._root + b"/./" + name):
            self._resolved([name])
            return
        self._record(self._root, name)
        self._stranger(self._root, name)

    def _stranger(self, place: bytes, name: bytes) -> None:
        """Name a file of another group than is asked for."""
        file, asked = (
            self._host.files.get(self._host.path(place + b"/./" + name, last=False)),
            self._vars.get("FILEGROUP"),
        )
        if file and asked and file.group != asked:
            self._out += b"%s group ./%s\n" % (self._vars["TOKEN"], name)

    def digest(self) -> int:
        """Digest the named files."""
        self._top()
        place, failed = self._enter(self._vars["BELOW"]), False
        tool = self._vars["TOOL"].split(b" ")[0]
        for name in self._names():
            odd = b"\\" if any(char in name for char in b"\\\n") and tool.endswith(b"sum") else b""
            shown = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n") if odd else name
            mark = b"*" if tool == b"openssl" else b" "
            if self._try(tool, partial(self._host.file, place + b"/./" + name)):
                self._out += odd + self._hash(place + b"/" + name) + b" " + mark + b"./" + shown + b"\n"
            else:
                failed = True
        return int(failed)

    def digest_odd(self) -> None:
        """Digest files whose names a tool would not print as they are."""
        self._top()
        place = self._enter(self._vars["BELOW"])
        for name in self._names():
            there = self._try(b"sh", partial(self._host.file, place + b"/" + name))
            self._out += (
                self._vars["TOKEN"] + b" " + (self._hash(place + b"/" + name) + b"  -" if there else b"") + b"\n"
            )

    def room(self) -> None:
        """Tell what the disk still takes, and whether it tells capitals from small letters."""
        self._ours()
        if self._vars["MAKE"] == b"yes":
            self._host.make(self._own)
        self._free()
        for place in (self._own + b"/part", self._own + b"/batch"):
            if self._host.is_directory(place):
                used = sum(len(file.data) for path, file in self._host.files.items() if path.startswith(place + b"/"))
                self._out += b"staged %d\t.sshsync\n" % -(-used // 1024)
        if self._host.is_directory(self._own):
            self._out += b"folds\n" if self._host.folds else b""

    def system(self) -> None:
        """Tell what the host is."""
        self._out += b"system=memory\nshell=/bin/sh\n"

    def condition(self) -> None:
        """Tell of the root."""
        there = self._host.is_directory(self._root)
        own = self._root + b"/.sshsync"
        if not self._host.is_directory(own) and (self._host.exists(own) or self._host.is_link(own)):
            self._out += b"barred " + own + b" is not writable: Not a directory\n"
        if why := self._member():
            self._out += b"group " + why + b"\n"
        self._out += b"root=writable\n" if there else b"root=missing\n"
        if there:
            self._free()

    def speed(self) -> None:
        """Digest nothing, at once."""

    def read(self) -> int:
        """Print the named files."""
        self._top()
        self._tool("cat")
        failed = not self._all(b"cat", self._names(), self._cat)
        self._deflate()
        return int(failed)

    def staged(self) -> None:
        """Name what lies in staging."""
        self._ours()
        for name in self._left():
            self._out += name + b"\n"

    def _free(self) -> None:
        size = self._host.size
        if size is not None:
            words = (size // 1024, self._host.used // 1024, max(0, size - self._host.used) // 1024)
            self._out += b"free Filesystem 1024-blocks Used Available Capacity Mounted on\n"
            self._out += b"free memory %d %d %d 50%% /\n" % words

    def _cat(self, name: bytes) -> None:
        self._out += self._host.file(self._root + b"/./" + name).data

    def _record(self, place: bytes, name: bytes, *, printed: bool = False, follow: bool = False) -> None:
        """Print what the host's stat prints of a file, a link or a directory; or what its find does."""
        host = self._host
        path = host.path(place + b"/./" + name, last=follow)
        if path in host.files:
            file = host.files[path]
            values = (0o100000 | file.mode, len(file.data), file.mtime, file.ctime_ns, file.inode)
        elif path in host.links:
            values = (0o120777, len(host.links[path]), _MADE, _MADE * 10**9, 1)
        elif host.is_directory(path):
            values = (0o040755, 4096, _MADE, _MADE * 10**9, 2)
        else:
            raise FileNotFoundError(2, "No such file or directory", "./" + name.decode(errors="surrogateescape"))
        mode, size, mtime, ctime, inode = values
        exact = printed or self._host.tools.stat == "gnu"
        times = (
            b"%d.000000000 %d.%09d" % (mtime, ctime // 10**9, ctime % 10**9)
            if exact
            else b"%d %d" % (mtime, ctime // 10**9)
        )
        shown = b"%x" % mode
        if printed:
            shown = b"%s:%o" % (_LETTERS[mode & 0o170000], mode & 0o7777)
            times = times.replace(b" ", b"0 ") + b"0"
        self._out += b"%s %s %d %s %d ./%s\n" % (self._vars["TOKEN"], shown, size, times, inode, name)

    def _hash(self, path: bytes) -> bytes:
        return self._digested(self._host.file(path).data)

    def _digested(self, data: bytes) -> bytes:
        return hashlib.new(self._algorithm(self._vars["TOOL"]), data).hexdigest().encode()
