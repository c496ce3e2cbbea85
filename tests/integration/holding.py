"""Runs that are held, killed and watched; receivers that outlive their connection, found by what they hold open."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from tests.integration.conftest import Site

T = TypeVar("T")

BOUND = 90.0
"""Seconds within which what has to happen happens, also on a machine with other work to do."""


def until(found: Callable[[], T], what: str, bound: float = BOUND) -> T:
    """Poll until something true is found, and return it; the test fails with `what` when it never is."""
    end = time.monotonic() + bound
    while time.monotonic() < end:
        seen = found()
        if seen:
            return seen
        time.sleep(0.01)
    pytest.fail(f"{bound:.0f} s and still not: {what}")


def _in_the_foreground() -> None:
    """Heed INT, which a shell has everything ignore that it starts in the background, such as the tests themselves."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """A command line at work; what it prints goes to files, so that nobody has to read it in time."""

    def __init__(self, site: Site, *words: str, name: str = "run") -> None:
        self._out = site.directory / f"{name}.out"
        self._err = site.directory / f"{name}.err"
        command = [sys.executable, "-m", "sshsync", "--config", str(site.config), *words]
        env = {**os.environ, "HOME": str(site.directory)}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=env, preexec_fn=_in_the_foreground
            )

    @property
    def going(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        return self._out.read_text(errors="replace")[-2000:] + self._err.read_text(errors="replace")[-2000:]

    def events(self, kind: str = "") -> list[dict]:
        """Return the events that were printed so far, whole lines only."""
        lines = self._out.read_text().split("\n")[:-1]
        made = [json.loads(line) for line in lines]
        return [event for event in made if not kind or event["type"] == kind]

    def summary(self) -> dict:
        found = self.events("summary")[-1]
        found["by_name"] = {entry["name"]: entry for entry in found["repositories"]}
        return found

    def ended(self, bound: float = BOUND) -> int:
        """Return its exit code; one that does not end is killed and fails the test."""
        try:
            return self.process.wait(bound)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"no end within {bound:.0f} s: {self.said}")

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.process.kill()
        self.process.wait()


def sizes(directory: Path) -> list[int]:
    """Return the sizes of the files in a directory that others write to; what vanishes meanwhile has none."""
    found = []
    for file in directory.glob("*"):
        with suppress(FileNotFoundError):
            found.append(file.stat().st_size)
    return found


@contextmanager
def running(site: Site, *words: str, name: str = "run") -> Iterator[Running]:
    """Start a command line that is gone when the block is left."""
    made = Running(site, *words, name=name)
    try:
        yield made
    except BaseException:
        release(site)
        raise
    finally:
        if made.going:
            with suppress(ProcessLookupError):
                os.kill(made.process.pid, signal.SIGCONT)
            made.kill()


def release(site: Site) -> None:
    """Let go whatever is held on a host, so that a test that failed leaves no process behind."""
    for held in site.directory.glob("*/held"):
        for word in ("go", "wake"):
            (held.parent / word).touch()


class Gate:
    """A `digestcmd` that prints its digest and then, once armed, holds at one staged file until it is opened.

    A staged file whose digest was told and which is not visible yet: what is done to it now, no digest will tell.
    """

    def __init__(self, site: Site, last: str, name: str = "gate") -> None:
        self._place = site.root(name)
        self._armed, self._held, self._go = (self._place / word for word in ("armed", "held", "go"))
        self._script = self._place / "digest"
        self._script.write_text(
            f'#!/bin/sh\nsha256sum "$1" || exit\ncase $1 in */.sshsync/*{last}) ;; *) exit 0;; esac\n'
            f"mv {self._armed} {self._held} 2>/dev/null || exit 0\n"
            f"i=0; while [ ! -e {self._go} ] && [ $i -lt {int(BOUND * 10)} ]; do sleep 0.1; i=$((i + 1)); done\n"
        )
        self._script.chmod(0o755)
        self.command = f"digestcmd = {self._script} ${{FILEPATH}}\n"

    def arm(self) -> None:
        for file in (self._held, self._go):
            file.unlink(missing_ok=True)
        self._armed.touch()

    def wait(self, run: Running, bound: float = BOUND) -> None:
        """Wait until somebody is held here."""
        until(lambda: self._held.exists() or not run.going, "a staged file is digested", bound)
        assert self._held.exists(), run.said

    def open(self) -> None:
        self._armed.unlink(missing_ok=True)
        self._go.touch()


@dataclass
class Process:
    """A process by its number and its time of birth, so that nobody else is ever meant."""

    pid: int
    born: str
    held: list[int] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return birth(self.pid) == self.born and state(self.pid) not in ("Z", "X")

    def send(self, number: int) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def gone(self) -> None:
        """Wait until it ended."""
        until(lambda: not self.alive, f"the end of process {self.pid}", 30)


def process(pid: int) -> Process:
    return Process(pid, birth(pid))


def birth(pid: int) -> str:
    fields = _stat(pid)
    return fields[19] if fields else ""


def state(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else "X"


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def descendants(pid: int) -> list[int]:
    """Return the processes that come from one, itself first."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def writers(pids: list[int], place: Path) -> dict[int, list[Path]]:
    """Return who of some has regular files below a place open for writing: process number and ``/proc/PID/fd/N``."""
    found: dict[int, list[Path]] = {}
    for pid in pids:
        with suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                if _writes(link, place):
                    found.setdefault(pid, []).append(link)
    return found


def _writes(link: Path, place: Path) -> bool:
    with suppress(OSError):
        if not os.readlink(link).startswith(f"{place}/") or not link.is_file():
            return False
        flags = (link.parent.parent / "fdinfo" / link.name).read_text().split("flags:")[1].split()[0]
        return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def stopped_receiver(site: Site, name: str, run: Running) -> Process:
    """Stop a process below a host's sshd while it writes a staged file, and keep that file open for writing."""
    server, staging = site.servers[name].process, site.root(name) / ".sshsync"
    assert server

    def caught() -> Process | None:
        assert run.going, run.said
        for pid in writers(descendants(server.pid), staging):
            found = process(pid)
            found.send(signal.SIGSTOP)
            until(lambda pid=pid: state(pid) in "TZX", "a stopped process", 10)
            with suppress(OSError):
                found.held = [os.open(link, os.O_WRONLY) for link in writers([pid], staging).get(pid, [])]
            if found.held:
                return found
            found.send(signal.SIGCONT)
        return None

    return until(caught, "a receiver that writes")


def staged(place: Path) -> list[Path]:
    """Return the regular files in staging, whatever they are called there."""
    return [file for file in (place / ".sshsync").rglob("*") if file.is_file() and not file.is_symlink()]


def write_late(descriptors: list[int]) -> None:
    """Write what tears a file through descriptors that were opened while it was staged."""
    for descriptor in descriptors:
        os.pwrite(descriptor, b"LATE" * 256, 0)


def program(file: Path, text: str) -> Path:
    """Write an executable script."""
    file.write_text(text)
    file.chmod(0o755)
    return file


WAITING = """
import fcntl, select, struct, sys, termios, time
end, poll = time.monotonic() + 2, select.poll()
poll.register(0, select.POLLRDHUP)
while time.monotonic() < end:
    if struct.unpack("i", fcntl.ioctl(0, termios.FIONREAD, bytes(4)))[0] >= 50_000:
        sys.exit(0)
    if poll.poll(10):
        break
sys.exit(1)
"""
"""Succeeds when the bytes of files wait on standard input: names and words are never that many."""


def holding_tools(site: Site, path: Path) -> Callable[[], Process | None]:
    """Let the first tool that a receiver starts, while bytes of files wait for it, stop that receiver.

    Args:
        site: whose directory takes the notes.
        path: a directory of links to tools, first in the host's PATH.

    Returns:
        Gives the stopped receiver, once there is one.
    """
    place = site.root("holding")
    armed, taken, held = (place / word for word in ("armed", "taken", "held"))
    (place / "waiting.py").write_text(WAITING)
    armed.touch()
    for tool in ("rm", "mkdir", "mv", "cat", "touch", "chmod", "ls", "tar"):
        (path / tool).unlink(missing_ok=True)
        program(
            path / tool,
            f"#!/bin/sh\nif [ -e {armed} ] && {shlex.quote(sys.executable)} {place}/waiting.py 2>/dev/null && "
            f"{shutil.which('mv')} {armed} {taken} 2>/dev/null; then\n  echo $PPID >{held}.new; {shutil.which('mv')} {held}.new {held}\n"
            f'  kill -STOP $PPID\nfi\nexec {shutil.which(tool)} "$@"\n',
        )

    def caught() -> Process | None:
        if not held.exists():
            return None
        pid = int(held.read_text())
        return process(pid) if state(pid) in "TZX" else None

    return caught
