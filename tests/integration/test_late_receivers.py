"""Receivers that outlive their connection, or their controller: what they still write tears nothing."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents
from tests.integration.holding import (
    Gate,
    Process,
    Running,
    holding_tools,
    process,
    program,
    running,
    staged,
    stopped_receiver,
    until,
    write_late,
)
from tests.integration.test_tools import tools

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

SMALL = {f"f{n:02}": os.urandom(30_000) for n in range(60)}
BIG = {"big": os.urandom(3_000_000)}
FORMS = {
    "pack": (SMALL, "bwlimit = 600k\n"),
    "part": (BIG, "bwlimit = 1M\n"),
    "scp": (BIG, "bwlimit = 1M\ntransfer = scp\n"),
}
"""What is sent, slow enough for its receiver to be met at work."""

COMMAND = {"big": os.urandom(400_000)}


@pytest.fixture
def lasting() -> Iterator[list[Process]]:
    """Processes that have to be gone when the test is over."""
    kept: list[Process] = []
    yield kept
    for one in kept:
        one.send(signal.SIGKILL)
        for descriptor in one.held:
            with suppress(OSError):
                os.close(descriptor)


def last(files: dict[str, bytes]) -> str:
    return max(files)


def configure(site: Site, gate: Gate, child: str = "", environment: str = "") -> None:
    site.write(
        f"[DEFAULT]\nstable_for = 0\ntimeout = 20\n[m]\n{site.server('m').section(path=site.root('m'))}"
        f"[c]\nparent = m\n{gate.command}{child}"
        f"{site.server('c', environment=environment).section(path=site.root('c'))}"
    )


def shown(site: Site) -> list[bytes]:
    """Return the names of files that a reader of the child sees and that are not the master's, byte for byte."""
    master, child = contents(site.root("m")), contents(site.root("c"))
    return sorted(key for key in {*master, *child} if master.get(key) != child.get(key))


def ends_whole(site: Site, run: Running, late: Callable[[], None]) -> None:
    """The run ends well, nothing is torn, then or after one more late write, and the next run leaves nothing staged."""
    assert run.ended() == 0, run.said
    assert shown(site) == [], "torn although the run ended with 0"
    late()
    assert shown(site) == [], "torn after the run"
    again = site.summary("--sync", "c")
    assert again["exit_code"] == 0
    assert again["by_name"]["c"]["outcome"] == "unchanged"
    site.same("m", "c")


@contextmanager
def interrupted(site: Site, first: Running, lost: str, gate: Gate) -> Iterator[Running]:
    """Lose the child's connections or the controller; give the run that goes on, held where all is digested again."""
    if lost == "connection":
        gate.arm()
        site.servers["c"].drop_sessions()
        gate.wait(first)
        yield first
        return
    first.kill()
    gate.arm()
    with running(site, "--json", "--sync", "c", name="second") as second:
        gate.wait(second)
        yield second


def wakes(site: Site, first: Running, lost: str, gate: Gate, old: Process) -> None:
    """The old receiver goes on, writing where it can, while what was sent anew is digested; and once more at the end."""
    with interrupted(site, first, lost, gate) as run:
        write_late(old.held)
        old.send(signal.SIGCONT)
        old.gone()
        gate.open()
        ends_whole(site, run, lambda: write_late(old.held))


@pytest.mark.parametrize("lost", ["connection", "controller"])
@pytest.mark.parametrize("form", FORMS)
def test_a_receiver_stopped_while_it_writes_wakes_during_the_verification(
    site: Site, form: str, lost: str, lasting: list[Process]
) -> None:
    files, child = FORMS[form]
    gate = Gate(site, last(files) if form != "part" else "")
    site.fill("m", files)
    configure(site, gate, child)
    with running(site, "--json", "--sync", "c") as first:
        old = stopped_receiver(site, "c", first)
        lasting.append(old)
        wakes(site, first, lost, gate, old)


@pytest.mark.parametrize("lost", ["connection", "controller"])
@pytest.mark.parametrize("form", ["pack", "part"])
def test_a_receiver_stopped_before_it_opened_anything_wakes_during_the_verification(
    site: Site, form: str, lost: str, lasting: list[Process]
) -> None:
    files, child = FORMS[form]
    gate = Gate(site, last(files) if form != "part" else "")
    site.fill("m", files)
    path = tools(site, {}, also=("stat", "sha256sum", "sync", "df", "du", "sleep"))
    caught = holding_tools(site, path)
    configure(site, gate, child, environment=f"PATH={path}")
    with running(site, "--json", "--sync", "c") as first:
        until(lambda: caught() or not first.going, "a receiver that was given bytes")
        old = caught()
        assert old, first.said
        lasting.append(old)
        wakes(site, first, lost, gate, old)


@pytest.mark.parametrize("form", FORMS)
def test_a_receiver_that_never_wakes_does_not_keep_the_run(site: Site, form: str, lasting: list[Process]) -> None:
    files, child = FORMS[form]
    gate = Gate(site, last(files))
    site.fill("m", files)
    configure(site, gate, f"{child}timeout = 3\n")
    with running(site, "--json", "--sync", "c") as run:
        old = stopped_receiver(site, "c", run)
        lasting.append(old)
        assert run.ended() == 0, run.said
    assert shown(site) == []
    write_late(old.held)
    assert shown(site) == []
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"
    site.same("m", "c")


class Fetching:
    """A `synccmd` that copies half of a file; the first one that is armed stays there until it is woken, and writes on."""

    def __init__(self, site: Site) -> None:
        place = site.root("fetching")
        self._held, self._wake, self._done = (place / word for word in ("held", "wake", "done"))
        (place / "armed").touch()
        script = program(
            place / "fetch",
            '#!/bin/sh\nhead -c 200000 "$1" >"$2"\n'
            f'if [ "${{2##*/}}" = big ] && mv {place}/armed {place}/taken 2>/dev/null; then\n'
            f'  exec 3<>"$2"; echo $$ >{self._held}.new; mv {self._held}.new {self._held}\n'
            f"  i=0; while [ ! -e {self._wake} ] && [ $i -lt 1500 ]; do sleep 0.1; i=$((i + 1)); done\n"
            '  echo LATE >&3; echo LATE >>"$2"; echo LATE >"$2.late"\n'
            f"  touch {self._done}\n"
            'else tail -c +200001 "$1" >>"$2"; fi\n',
        )
        self.section = f"synccmd = {script} ${{REMOTEDIR}}/${{FILE}} ${{LOCALDIR}}/${{FILE}}\n"

    def wait(self, run: Running) -> Process:
        """Return the command that is held."""
        until(lambda: self._held.exists() or not run.going, "a synccmd in the middle of its file")
        assert self._held.exists(), run.said
        return process(int(self._held.read_text()))

    def wake(self, old: Process) -> None:
        """Let it write on and end, unless it was ended already."""
        self._wake.touch()
        until(lambda: self._done.exists() or not old.alive, "the end of the old command", 30)


@pytest.mark.parametrize("lost", ["connection", "controller"])
def test_an_old_synccmd_writes_on_during_the_verification(site: Site, lost: str, lasting: list[Process]) -> None:
    gate, fetching = Gate(site, "big"), Fetching(site)
    site.fill("m", COMMAND)
    configure(site, gate, fetching.section)
    with running(site, "--json", "--sync", "c") as first:
        old = fetching.wait(first)
        lasting.append(old)
        with interrupted(site, first, lost, gate) as run:
            fetching.wake(old)
            gate.open()
            ends_whole(site, run, lambda: None)


def held_open(files: list[Path], master: dict[str, bytes]) -> list[int]:
    """Open what is complete in staging, as a writer that was there from the beginning has it open."""
    whole = set(master.values())
    return [os.open(file, os.O_WRONLY) for file in files if file.read_bytes() in whole]


SALVAGED = {
    "pack": (SMALL, ""),
    "part": (BIG, ""),
    "scp": (BIG, "transfer = scp\n"),
    "command": (BIG, "synccmd = cp -p ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}\n"),
}


@contextmanager
def killed_before_publication(site: Site, form: str) -> Iterator[dict[str, bytes]]:
    """A run all of whose files are in staging, and which is killed at the end; gives the files."""
    files, child = SALVAGED[form]
    gate = Gate(site, last(files) if form != "part" else "")
    site.fill("m", files)
    configure(site, gate, child)
    gate.arm()
    with running(site, "--json", "--sync", "c") as first:
        gate.wait(first)
        yield files
        first.kill()
    gate.open()


@pytest.mark.parametrize("form", SALVAGED)
def test_what_a_receiver_finished_is_salvaged_without_a_copy(site: Site, form: str) -> None:
    with killed_before_publication(site, form) as files:
        inodes = {file.stat().st_ino for file in staged(site.root("c")) if file.stat().st_size}
    found = site.summary("--sync", "c")
    assert (found["exit_code"], found["by_name"]["c"]["bytes"]["moved"]) == (0, 0)
    assert {(site.root("c") / name).stat().st_ino for name in files} <= inodes
    site.same("m", "c")


@pytest.mark.parametrize("form", SALVAGED)
def test_what_is_salvaged_is_not_sent_again_and_can_be_written_by_nobody(site: Site, form: str) -> None:
    """A receiver that did not come to its end before the controller did leaves names that end in .open, or marks of that name."""
    with killed_before_publication(site, form) as files:
        late = held_open(staged(site.root("c")), files)
        assert len(late) == len(files), "all of it is in staging"
    for kind in ("batch", "part"):
        for place in list((site.root("c") / ".sshsync" / kind).glob("*")):
            if kind == "batch":
                place.rename(f"{place}.open")
            else:
                place.with_name(f"{place.name}.open.0").touch()
    try:
        found = site.summary("--sync", "c")
        assert found["exit_code"] == 0
        assert found["by_name"]["c"]["files"]["copied"] == len(files)
        assert found["by_name"]["c"]["bytes"]["moved"] < sum(map(len, files.values())) / 10, "complete bytes are not sent again"
        assert shown(site) == []
        write_late(late)
        assert shown(site) == [], "a writer that was there before can still write into what is published"
    finally:
        for descriptor in late:
            os.close(descriptor)
    site.same("m", "c")
