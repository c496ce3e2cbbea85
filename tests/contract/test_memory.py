"""A host in memory does what a real one does: each script, in each state of a root, twice, beside this machine's own."""

import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sshsync.transports.local import LocalTransport
from sshsync.transports.memory import MemoryHost, MemoryTransport
from sshsync.hosts.session import Session
from tests.integration.test_repeat import ALL, BATCH, LINKED, LINKS, PART, ROWS, Row, ask, groups, keeping, linked, lines, prepare, ready
from tests.values import some

NO_SHELL = ("template-list", "template-digest", "hook", "fetch", "pull", "scp-send", "scp-take", "probe", "system")
"""What runs an operator's words or a program of the host, or tells of its tools."""

MORE = {
    "stat of directories and links": Row(stdin=lines("d", "a", "only/here/x")),
    "read of what is gone": Row(stdin=lines("gone", "a", "d")),
    "digest of what is gone": Row({"BELOW": b".", "TOOL": b"sha256sum"}, lines("gone", "a", "d")),
    "digest-odd of what is gone": Row({"BELOW": b".", "TOOL": b"sha256sum"}, lines("gone", "a", "d")),
    "publish where directories are empty": Row({"BATCH": BATCH, "PART": b"", "EMPTY": b"yes"}, ALL, staged={"a": b"A", "d/b c": b"B", "new/deep/z": b"Z"}),
    "publish over what is in the way": Row(
        {"BATCH": BATCH, "PART": b""}, b"R" + lines("d/b c") + b"R" + lines("only/y") + b"R" + lines("a") + groups((".", ["a"])), staged={"a": b"A"}
    ),
    "renew": Row({"LEASE": b"9", "COUNT": b"1"}),
    "release of another": Row({"LEASE": b"7"}),
    "claim of another's": Row({"LEASE": b"7", "OWNER": b"{}", "EXPECT": b"9"}),
    "claim of nobody's": Row({"LEASE": b"7", "OWNER": b"{}", "EXPECT": b"-"}),
    "publish with a lease": Row({"BATCH": BATCH, "PART": b"", "LEASE": b"9"}, ALL, staged={"a": b"A"}),
    "delete with a lease": Row({"LEASE": b"9"}, lines("a", "d/b c")),
    "mark with a lease": Row({"BELOW": b".", "LEASE": b"9"}, b"600 202001020304.05 a\n600 - d/b c\n600 209913320000.00 d/e/f\n"),
    "arrange with a lease": Row({"LEASE": b"9"}, b"R" + lines("d/e") + b"M" + lines("new/er") + b"M" + lines("d/new")),
    "publish and keep with a lease": Row({"KEEP": b"r1", "LEASE": b"9"}, keeping(ready(), "a", "d/b c") + ALL, staged={"a": b"A"}),
    "delete and keep with a lease": Row({"KEEP": b"r1", "LEASE": b"9"}, lines("a", "d/b c")),
    "rotate with a lease": Row({"KEEP": b"r1", "COUNT": b"1", "LEASE": b"9"}, kept={"r0/a": b"0"}),
    "link with a lease": Row({**LINKED, "LEASE": b"9"}, linked(M=LINKS)),
    "delete of links": Row(stdin=lines("l", "d/l", "line\nfeed", "way/b c"), links={**LINKS, "way": "d"}),
    "publish over links in the way": Row({}, ready() + b"R" + lines("way") + groups(("way", ["x"])), staged={"way/x": b"x"}, links={"way": "d"}),
    "discard with a lease": Row({"LEASE": b"9"}, lines("batch/" + BATCH.decode()), staged={"a": b"A"}),
}
GIVEN = {name: row for name, row in (ROWS | MORE).items() if not name.startswith(NO_SHELL)}

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class Twin:
    """A root on this machine and its like on a host in memory, which every change is made to."""

    def __init__(self, directory: Path, name: str) -> None:
        self.disk = directory / name
        self.disk.mkdir(parents=True)
        self.host = MemoryHost(size=1 << 30)
        self.host.make(os.fsencode(self.disk))

    def take_over(self) -> None:
        """Copy all that is on the disk to the host."""
        for path in sorted(self.disk.rglob("*")):
            key = os.fsencode(path)
            if path.is_symlink():
                self.host.link(key, os.readlink(key))
            elif path.is_dir():
                self.host.make(key)
            else:
                at = path.stat()
                self.host.put(key, path.read_bytes(), mode=at.st_mode & 0o777, mtime=int(at.st_mtime))

    def on_disk(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for path in sorted(self.disk.rglob("*")):
            name, at = str(path.relative_to(self.disk)), path.lstat()
            if stat.S_ISREG(at.st_mode):
                found[name] = (oct(at.st_mode & 0o777), when(int(at.st_mtime)), path.read_bytes())
            else:
                found[name] = f"-> {os.readlink(path)}" if path.is_symlink() else "directory"
        return found

    def in_memory(self) -> dict[str, object]:
        top = os.fsencode(self.disk) + b"/"
        found: dict[str, object] = {path: (oct(file.mode), when(file.mtime), file.data) for path, file in ours(self.host.files, top)}
        found |= {path: f"-> {os.fsdecode(target)}" for path, target in ours(self.host.links, top)}
        found |= {path: "directory" for path, _ in ours(dict.fromkeys(self.host.directories), top)}
        return dict(sorted(found.items()))


def told(well: bool, lines: list[bytes]) -> tuple[bool, list[bytes]]:
    """Return what a script told, but for the size of a directory, which each file system counts in its own way."""
    return well, [re.sub(rb"^(TOKEN 41\S+) \d+ ", rb"\1 ", line) for line in lines]


def ours(table: dict, top: bytes) -> list:
    return [(os.fsdecode(path[len(top) :]), value) for path, value in table.items() if path.startswith(top)]


def when(mtime: int) -> int | str:
    return mtime if mtime < 1_700_000_000 else "now"


def replaced(path: Path, make: Callable[[Path], None]) -> None:
    """Put something else in the place of what is there."""
    for there in (*reversed(path.parents), path):
        if there.is_file():
            there.unlink()
    if path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)


def led(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


STATES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "as it should be": ("outside", lambda path: path.mkdir()),
    "a file is a link": ("a", led("only/y")),
    "a file is a broken link": ("a", led("nowhere")),
    "a file is a link to a directory": ("a", led("only")),
    "a file is an empty directory": ("a", lambda path: path.mkdir()),
    "a file is a directory with a link": ("a/x", led("../only/y")),
    "a directory is a link": ("d", led("only")),
    "a directory is a link in a circle": ("d", led("d")),
    "a directory is a file": ("d", lambda path: path.write_bytes(b"d")),
    "a directory is empty": ("d/e", lambda path: path.mkdir()),
    "a new directory is a link": ("new", led("only")),
    "staging is a link": (".sshsync", led("only")),
    "staging is a file": (".sshsync", lambda path: path.write_bytes(b"x")),
    "parts are a link": (".sshsync/part", led("../only")),
    "leases are a file": (".sshsync/lease", lambda path: path.write_bytes(b"x")),
    "leases are empty": (".sshsync/lease", lambda path: path.mkdir()),
    "a lease is held": (".sshsync/lease/9/n0", lambda path: path.write_bytes(b"")),
    "a lease without words is held by two": (".sshsync/lease/8/n1", lambda path: (path.parent.parent / "9").mkdir()),
    "a lease is a link": (".sshsync/lease/9", led("../../only")),
    "a lease is a file": (".sshsync/lease/9", lambda path: path.write_bytes(b"x")),
    "what is kept is a link": (".sshsync/replaced", led("../only")),
    "what is kept is a file": (".sshsync/replaced", lambda path: path.write_bytes(b"x")),
    "what a run kept is a link": (".sshsync/replaced/r1", led("../../only")),
    "a directory of what a run kept is a link": (".sshsync/replaced/r1/d", led("../../../only")),
    "what a run kept is there": (".sshsync/replaced/r1/a", lambda path: path.write_bytes(b"older")),
    "something that is not kept is a directory": (".sshsync/replaced/r1/a", lambda path: path.mkdir()),
    "a batch is a link": (f".sshsync/batch/{BATCH.decode()}", led("../../only")),
    "a staged directory is a link": (f".sshsync/batch/{BATCH.decode()}/d", led("../../../only")),
    "a staged file is a link": (f".sshsync/batch/{BATCH.decode()}/a", led("../../../only/y")),
    "a part is a link": (f".sshsync/part/{PART.decode()}", led("../../only/y")),
    "the target of a salvage is there": (".sshsync/batch/7-2", lambda path: path.mkdir()),
}


@pytest.mark.parametrize("state", some(STATES, 3))
def test_every_script_does_in_memory_what_it_does_on_a_disk(tmp_path: Path, state: str) -> None:
    local, differences = Session(LocalTransport(), 20), []
    for number, (name, row) in enumerate(GIVEN.items()):
        twin = Twin(tmp_path, str(number))
        prepare(twin.disk, row)
        place, make = STATES[state]
        replaced(twin.disk / place, make)
        twin.take_over()
        memory = Session(MemoryTransport(twin.host), 20)
        for time in ("once", "twice"):
            real, like = (told(*ask(session, name, row, twin.disk)) for session in (local, memory))
            left, alike = twin.on_disk().items(), twin.in_memory().items()
            if (like, alike) != (real, left):
                differences.append((f"{name}, {time}", "real:", real, left - alike, "memory:", like, alike - left))
    local.close()
    assert differences == []
