"""The state of a host in memory: its disk, its tools, and the faults to come."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sshsync.remote.scripts import STAGING
from sshsync.transports.memory_disk import Disk, File

OWN = STAGING.encode() + b"/"


@dataclass(frozen=True, slots=True)
class Tools:
    """What a host is equipped with, in the words of the probe.

    Attributes:
        stat: its form: gnu, busybox, bsd, perl, or "" for none.
        digests: commands that compute digests, by algorithm.
        sync: command that flushes one file system, or "".
        cutters: interpreters that cut files where their content says so, each with an algorithm by which it tells.
    """

    programs: frozenset[str] = frozenset(
        {
            "find",
            "tar",
            "mv",
            "rm",
            "mkdir",
            "rmdir",
            "chmod",
            "chgrp",
            "touch",
            "cat",
            "dd",
            "xargs",
            "gzip",
            "printf",
            "ln",
            "readlink",
            "resolve",
        }
    )
    stat: str = "gnu"
    digests: tuple[tuple[str, str], ...] = tuple((name, f"{name}sum") for name in ("md5", "sha1", "sha256", "sha512"))
    sync: str = "sync -f"
    cutters: tuple[tuple[str, str], ...] = (("python3", "sha1"), ("python3", "md5"))


@dataclass(slots=True)
class Fault:
    """Something that goes wrong at the `nth` start (from 1) of the script `script` ("" for any).

    Attributes:
        kind: ``refuse`` (no connection), ``lose`` (the connection breaks after `after` bytes of output), ``cut``
            (the output just ends there), ``flip`` (one bit of the payload is wrong), ``fail`` (the script fails),
            ``late`` (the connection breaks, and the script does its work when the host's `wake` is called), ``torn``
            (the connection breaks when a receiver has written half of its files; woken, it goes on), ``open`` (the
            same, but it has written all of them), ``short`` (the connection breaks when `after` bytes of input have
            come: the script has these), ``answer`` (the script does nothing, and answers `payload`, in which TOKEN
            stands for the token of the answer, with the status `after`), ``none``.
        words: what the host says on its error output, when the script fails or answers.
        first, then: called before and after the script does its work.
    """

    kind: str
    script: str = ""
    nth: int = 1
    after: int = 0
    words: bytes = b""
    first: Callable[[], None] = lambda: None
    then: Callable[[], None] = lambda: None
    payload: bytes = b""


@dataclass
class MemoryHost(Disk):
    """A host: a disk, the tools on it, the faults to come.

    Attributes:
        clock: the host's own seconds since 1970.
        started: the names of all scripts that were started.
        late: what programs of lost connections still have to do.
        watch: called at each start of a script.
        round_trip: seconds that it pretends to be away.
        groups: those that its account may give files to; None for all.
    """

    name: str = "memory"
    tools: Tools = field(default_factory=Tools)
    faults: list[Fault] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    started: list[str] = field(default_factory=list)
    late: list[Callable[[], object]] = field(default_factory=list)
    watch: Callable[[], None] = lambda: None
    round_trip: float = 0.0
    groups: frozenset[bytes] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, path: bytes, data: bytes, *, mode: int = 0o644, mtime: int = 1_600_000_000) -> None:
        """Write a file as a vendor would: a new one each time, with the directories above it, over an empty one.

        Raises:
            OSError: the disk refuses it.
        """
        self.make(path.rpartition(b"/")[0])
        if path in self.files:
            self.unlink(path)
        elif path in self.directories and not any(self.walk(path)):
            self.remove(path)
        self.write(path, data, mode=mode, mtime=mtime)

    def wake(self) -> None:
        """Let every program of a lost connection go on to its end."""
        late, self.late = self.late, []
        for deed in late:
            deed()

    def below(self, root: bytes) -> dict[bytes, bytes]:
        """Return what a reader of the root sees: contents by relative path, links and staging left out."""
        prefix = root + b"/"
        found = {path[len(prefix) :]: file.data for path, file in self.files.items() if path.startswith(prefix)}
        return {key: data for key, data in found.items() if not key.startswith(OWN)}

    def fault(self, script: str) -> Fault | None:
        """Return the fault that strikes at this start of the script."""
        self.started.append(script)
        self.watch()
        for fault in self.faults:
            if fault.script in ("", script):
                fault.nth -= 1
                if fault.nth == 0:
                    return fault
        return None


__all__ = ["OWN", "Fault", "File", "MemoryHost", "Tools"]
