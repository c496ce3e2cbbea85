"""A file system in memory: files, directories and symbolic links, with the refusals of a real one."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

T = TypeVar("T")

_MOST_LINKS = 40


@dataclass(slots=True)
class File:
    """A file's bytes and what stat tells of it; times in seconds, the change time in nanoseconds.

    Its group is b"" where nobody gave it to one.
    """

    data: bytes
    mode: int = 0o644
    mtime: int = 0
    ctime_ns: int = 0
    inode: int = 0
    group: bytes = b""


@dataclass(kw_only=True)
class Disk:
    """Files, links and directories by absolute path; whatever a real disk refuses raises an `OSError`.

    Attributes:
        links: where each symbolic link leads.
        directories: all that exist, but for the root of everything.
        size: bytes that fit on it; None for as many as come.
        folds: names that differ in case only are one name.
        ticks: changes so far; makes change times and inodes that never repeat.
    """

    files: dict[bytes, File] = field(default_factory=dict)
    links: dict[bytes, bytes] = field(default_factory=dict)
    directories: set[bytes] = field(default_factory=set)
    size: int | None = None
    folds: bool = False
    ticks: int = 0

    def tick(self) -> int:
        """Return a number that never repeats."""
        self.ticks += 1
        return self.ticks

    def touch(self, file: File) -> None:
        """Give a file a change time that no file had before."""
        file.ctime_ns = 1_650_000_000_000_000_000 + self.tick()

    @property
    def used(self) -> int:
        """Bytes in all files, one of several names once."""
        return sum(len(file.data) for file in {id(file): file for file in self.files.values()}.values())

    def path(self, name: bytes, *, last: bool = True) -> bytes:
        """Return where a name leads, links followed; the last component's own link only with `last`.

        Raises:
            OSError: a component on the way is missing, is no directory, or links lead in a circle.
        """
        done, rest, followed = b"", name.split(b"/"), 0
        while rest:
            part = rest.pop(0)
            if part == b"..":
                done = done.rpartition(b"/")[0]
            if part in (b"", b".", b".."):
                continue
            here = self._spelled(done + b"/" + part)
            if here in self.links and (last or any(rest)):
                followed += 1
                if followed > _MOST_LINKS:
                    raise _error(errno.ELOOP, name)
                target = self.links[here]
                done = b"" if target.startswith(b"/") else done
                rest = target.split(b"/") + rest
                continue
            if any(rest) and here not in self.directories:
                raise _error(errno.ENOTDIR if self._there(here) else errno.ENOENT, name)
            done = here
        return done or b"/"

    def exists(self, name: bytes) -> bool:
        """Tell whether something is there, links followed."""
        return self._is(name, lambda path: path in self.files or path in self.directories)

    def is_directory(self, name: bytes) -> bool:
        """Tell whether a directory is there, links followed."""
        return self._is(name, self.directories.__contains__)

    def is_link(self, name: bytes) -> bool:
        """Tell whether the name itself is a link."""
        return self._is(name, self.links.__contains__, last=False)

    def file(self, name: bytes) -> File:
        """Return the file that a reader of the name gets, links followed."""
        path = self.path(name)
        if path in self.directories:
            raise _error(errno.EISDIR, name)
        if path not in self.files:
            raise _error(errno.ENOENT, name)
        return self.files[path]

    def names(self, directory: bytes) -> list[bytes]:
        """Return the names in a directory, as a shell's ``*`` does: in order, without those that begin with a dot."""
        return [name for name in self._children(self.path(directory)) if not name.startswith(b".")]

    def walk(self, directory: bytes) -> Iterator[bytes]:
        """Yield the paths of all files and links below a directory, in order."""
        below = self.path(directory) + b"/"
        yield from (path for path in sorted([*self.files, *self.links]) if path.startswith(below))

    def write(self, name: bytes, data: bytes, *, mode: int = 0o644, mtime: int = 0) -> File:
        """Write a file, into the same one where there is one; what does not fit any more is not written.

        Raises:
            OSError: there is no such directory, a directory is in the way, or the disk is full.
        """
        path = self.path(name)
        if path in self.directories:
            raise _error(errno.EISDIR, name)
        file = self.files.setdefault(path, File(b"", mode, inode=self.tick()))
        file.data = b""
        room = len(data) if self.size is None else max(0, self.size - self.used)
        file.data, file.mtime = data[:room], mtime
        self.touch(file)
        if room < len(data):
            raise _error(errno.ENOSPC, name)
        return file

    def write_at(self, name: bytes, offset: int, data: bytes, *, mode: int = 0o644, mtime: int = 0) -> None:
        """Write into a file from a place on, or a new one; a gap before it is zeros. What does not fit is not written.

        Raises:
            OSError: see `write`.
        """
        file = self.files.get(self.path(name)) or self.write(name, b"", mode=mode)
        room = len(data) if self.size is None else max(0, self.size - self.used + len(file.data) - offset)
        before = file.data.ljust(offset, b"\0")
        file.data = before[:offset] + data[:room] + before[offset + len(data[:room]) :]
        file.mtime = mtime
        self.touch(file)
        if room < len(data):
            raise _error(errno.ENOSPC, name)

    def link(self, name: bytes, target: bytes) -> None:
        """Make a symbolic link, with the directories above it."""
        self.make(name.rpartition(b"/")[0])
        self.links[self.path(name, last=False)] = target

    def another(self, name: bytes, another: bytes) -> None:
        """Give a file another name, as ``ln`` does: it is one file then."""
        file, there = self.file(name), self.path(another, last=False)
        if self._there(there):
            raise _error(errno.EEXIST, another)
        self.files[there] = file
        self.touch(file)

    def mkdir(self, name: bytes) -> None:
        """Make one directory."""
        path = self.path(name, last=False)
        if path == b"/" or self._there(path):
            raise _error(errno.EEXIST, name)
        self.directories.add(path)

    def make(self, name: bytes) -> None:
        """Make a directory, with those above it, where they are missing."""
        parts = name.split(b"/")
        for end in range(2, len(parts) + 1):
            above = b"/".join(parts[:end])
            if not self.is_directory(above):
                self.mkdir(above)

    def rmdir(self, name: bytes) -> None:
        """Remove an empty directory."""
        path = self.path(name, last=False)
        if path not in self.directories:
            raise _error(errno.ENOTDIR if self._there(path) else errno.ENOENT, name)
        if any(self._children(path)):
            raise _error(errno.ENOTEMPTY, name)
        self.directories.remove(path)

    def unlink(self, name: bytes) -> None:
        """Remove a file or a link."""
        path = self.path(name, last=False)
        if path in self.directories:
            raise _error(errno.EISDIR, name)
        if self.links.pop(path, None) is None and self.files.pop(path, None) is None:
            raise _error(errno.ENOENT, name)

    def remove(self, name: bytes) -> None:
        """Remove whatever is there with all below it, as ``rm -rf`` does: no link is followed, absence is no error."""
        try:
            path = self.path(name, last=False)
        except OSError:
            return
        for table in (self.files, self.links):
            for gone in [one for one in table if one == path or one.startswith(path + b"/")]:
                del table[gone]
        self.directories -= {one for one in self.directories if one == path or one.startswith(path + b"/")}

    def move(self, name: bytes, target: bytes) -> None:
        """Move as ``mv -f`` does: into the target where that leads to a directory, else in its place."""
        path = self.path(name, last=False)
        if not self._there(path):
            raise _error(errno.ENOENT, name)
        if self.is_directory(target):
            target += b"/" + path.rpartition(b"/")[2]
        there = self.path(target, last=False)
        if there in self.directories and path not in self.directories:
            raise OSError(errno.EISDIR, "cannot overwrite directory", os.fsdecode(target))
        if there in self.directories:
            self.rmdir(target)
        elif self._there(there):
            if path in self.directories:
                raise _error(errno.ENOTDIR, target)
            self.unlink(target)
        if path in self.files:
            self.files[there] = self.files.pop(path)
            self.touch(self.files[there])
            return
        _rename(self.files, path, there)
        _rename(self.links, path, there)
        if path not in self.directories:
            return
        moved = {one for one in self.directories if one == path or one.startswith(path + b"/")}
        self.directories = self.directories - moved | {there + one[len(path) :] for one in moved}

    def copy(self, name: bytes, target: bytes) -> None:
        """Copy a file as ``cp -p`` does, links followed."""
        old = replace(self.file(name))
        if self.is_directory(target):
            target += b"/" + name.rpartition(b"/")[2]
        self.write(target, old.data, mtime=old.mtime).mode = old.mode

    def _is(self, name: bytes, what: Callable[[bytes], bool], *, last: bool = True) -> bool:
        try:
            path = self.path(name, last=last)
        except OSError:
            return False
        return path == b"/" or what(path)

    def _there(self, path: bytes) -> bool:
        return path in self.files or path in self.links or path in self.directories

    def _children(self, path: bytes) -> list[bytes]:
        below = path.rstrip(b"/") + b"/"
        everything = (*self.files, *self.links, *self.directories)
        return sorted({one[len(below) :].partition(b"/")[0] for one in everything if one.startswith(below)})

    def _spelled(self, path: bytes) -> bytes:
        """Return the spelling under which a name is there already."""
        if not self.folds or self._there(path):
            return path
        everything = (*self.files, *self.links, *self.directories)
        return next((one for one in everything if one.lower() == path.lower()), path)


def _error(number: int, name: bytes) -> OSError:
    return OSError(number, os.strerror(number), os.fsdecode(name))


def _rename(table: dict[bytes, T], path: bytes, there: bytes) -> None:
    """Rename a file or a link, or all that lie below a directory."""
    for old in [path] if path in table else [one for one in table if one.startswith(path + b"/")]:
        table[there + old[len(path) :]] = table.pop(old)
