"""Which process of which controller this is, as the leases on children name it."""

import os
import socket
import time
from pathlib import Path

from sshsync.core.lease import UNKNOWN, Here, Owner


def here(lock: str = "") -> Here:
    """Return this process; `lock` is the file whose lock it takes for its runs."""
    owner = Owner(
        host=socket.gethostname(),
        machine=_line("/etc/machine-id"),
        boot=_line("/proc/sys/kernel/random/boot_id"),
        space=_link("/proc/self/ns/pid"),
        pid=os.getpid(),
        begun=begun(os.getpid()),
        since=time.strftime("%Y-%m-%d %H:%M:%S"),
        lock=lock,
    )
    return Here(owner, begun, time.time, time.monotonic)


def begun(pid: int) -> str:
    """Return when a process began, in ticks since its system did (proc(5), stat, field 22).

    "" when there is no such process, `UNKNOWN` where another account's are hidden.
    """
    fields = _line(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) > 19:
        return fields[19] if fields[0] not in ("Z", "X") else ""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except OSError:
        return UNKNOWN
    return UNKNOWN


def _line(file: str) -> str:
    try:
        return Path(file).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _link(file: str) -> str:
    try:
        return str(Path(file).readlink())
    except OSError:
        return ""
