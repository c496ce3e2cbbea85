"""The state of a host in memory: its files, its directories, and the faults to come."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sshsync.remote.scripts import STAGING

OWN = STAGING.encode() + b"/"


@dataclass(slots=True)
class File:
    """A file's bytes and what stat tells of it."""

    data: bytes
    mode: int = 0o644
    mtime: int = 0
    ctime_ns: int = 0
    inode: int = 0


@dataclass(slots=True)
class Fault:
    """Something that goes wrong at the `nth` start (from 1) of the script `script` ("" for any).

    Attributes:
        kind: ``refuse`` (no connection), ``lose`` (the connection breaks after `after` bytes of output), ``cut``
            (the output just ends there), ``flip`` (one bit of the payload is wrong), ``fail`` (the script fails),
            ``late`` (the connection breaks, and the script does its work when the host's `wake` is called), ``torn``
            (the connection breaks when a receiver has written half of its files; woken, it goes on), ``open`` (the
            same, but it has written all of them), ``none``.
        words: what the host says on its error output.
        first, then: called before and after the script does its work.
    """

    kind: str
    script: str = ""
    nth: int = 1
    after: int = 0
    words: bytes = b""
    first: Callable[[], None] = lambda: None
    then: Callable[[], None] = lambda: None


@dataclass
class MemoryHost:
    """A host: files by absolute path, directories that exist, the faults to come.

    Attributes:
        late: what programs of lost connections still have to do.
        watch: called at each start of a script.
    """

    name: str = "memory"
    files: dict[bytes, File] = field(default_factory=dict)
    roots: set[bytes] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    started: list[str] = field(default_factory=list)
    late: list[Callable[[], object]] = field(default_factory=list)
    watch: Callable[[], None] = lambda: None
    sent: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, path: bytes, data: bytes, *, mode: int = 0o644, mtime: int = 1_600_000_000) -> None:
        """Write a file as a vendor would."""
        self.files[path] = File(data, mode, mtime, self.tick(), len(self.started) + len(self.files) + 1)

    def tick(self) -> int:
        """Return a change time that never repeats."""
        self.sent += 1
        return 1_600_000_000_000_000_000 + self.sent

    def wake(self) -> None:
        """Let every program of a lost connection go on to its end."""
        late, self.late = self.late, []
        for deed in late:
            deed()

    def below(self, root: bytes) -> dict[bytes, bytes]:
        """Return what a reader of the root sees: contents by relative path, staging left out."""
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
