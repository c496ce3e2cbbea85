"""One run at a time: a kernel lock that dies with its holder, and a note of who holds it."""

import json
import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from filelock import Timeout, UnixFileLock

from sshsync.errors import LockedError, StateError

_BETWEEN = 0.5
"""Seconds between two tries to take a lock that somebody has."""


class Lock:
    """The run lock. Use as a context manager.

    The file's text (pid, host, start) is information only; the kernel's lock decides, so a stale file or a
    reused pid never blocks a run.
    """

    def __init__(
        self, file: Path, command: str = "sshsync", wait: float = 0.0, rest: Callable[[float], None] = time.sleep
    ) -> None:
        """Prepare the lock.

        Args:
            file: what is locked.
            command: how sshsync is called here.
            wait: seconds to wait for another run's end.
            rest: waits for seconds meanwhile; may raise.
        """
        self._command = command
        self._file = file
        self._wait = wait
        self._rest = rest
        self._lock = UnixFileLock(file, timeout=0, mode=0o600, fallback_to_soft=False)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            LockedError: another run holds it; the message tells which.
            StateError: the file cannot be used as a lock.
        """
        self._check()
        try:
            self._acquire()
        except Timeout as error:
            raise LockedError(
                f"another run holds the lock {self._file}: {self._holder()}",
                hint=f"wait for it, or look at it with: {self._command} status",
            ) from error
        except (OSError, NotImplementedError) as error:
            raise StateError(f"cannot lock {self._file}: {error}", hint="put lock_file on a local disk") from error
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        self._file.write_text(json.dumps(note) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        """Release it. The file stays: removing it would let two runs lock two files of one name."""
        self._lock.release()

    def holder(self) -> str | None:
        """Return who holds the lock, "" for nobody, None where the system does not tell.

        Only looks: taking the lock to find out could turn away a run that begins at that moment. Linux lists its locks
        in /proc/locks (proc(5)), by file system and inode.
        """
        try:
            device, inode = _identity(self._file)
            locks = Path("/proc/locks").read_text()
        except FileNotFoundError:
            return "" if Path("/proc/locks").exists() else None
        except OSError:
            return None
        return self._holder() if held(locks, device, inode) else ""

    def _acquire(self) -> None:
        until = time.monotonic() + self._wait
        while True:
            try:
                self._lock.acquire()
                return
            except Timeout:
                left = until - time.monotonic()
                if left <= 0:
                    raise
            self._rest(min(left, _BETWEEN))

    def _check(self) -> None:
        try:
            mode = self._file.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"cannot use {self._file}: {error.strerror}") from error
        if not stat.S_ISREG(mode.st_mode) or mode.st_uid not in (0, os.geteuid()):
            raise StateError(f"{self._file} is no lock file of ours", hint="remove it, or set lock_file")

    def _holder(self) -> str:
        try:
            note = json.loads(self._file.read_text()[:500])
            return f"pid {int(note['pid'])} on {str(note['host'])[:60]!r} since {str(note['since'])[:30]}"
        except (OSError, ValueError, KeyError, TypeError):
            return "it left no note"


def held(locks: str, device: str, inode: int) -> bool:
    """Tell whether a file is locked.

    Args:
        locks: the text of /proc/locks.
        device: the file system's major and minor number, as that text has them: ``fe:00``.
        inode: the file's number there.
    """
    lines = (line.split() for line in locks.splitlines())
    return any(words[1:2] == ["FLOCK"] and f"{device}:{inode}" in words for words in lines)


def device_of(mounts: str, number: str) -> str | None:
    """Return the device of a mount as /proc/locks has it, from the text of /proc/self/mountinfo; None for no such."""
    for words in map(str.split, mounts.splitlines()):
        if words[0] == number:
            major, minor = map(int, words[2].split(":"))
            return f"{major:02x}:{minor:02x}"
    return None


def _identity(file: Path) -> tuple[str, int]:
    """Return device and inode of a file.

    The device is that of the mount: stat(2) tells another one on file systems with volumes of their own (btrfs).
    """
    opened = os.open(file, os.O_PATH)
    try:
        found = os.fstat(opened)
        told = Path(f"/proc/self/fdinfo/{opened}").read_text().split()
        mount = told[told.index("mnt_id:") + 1] if "mnt_id:" in told else ""
        device = device_of(Path("/proc/self/mountinfo").read_text(), mount)
    finally:
        os.close(opened)
    return device or f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}", found.st_ino
