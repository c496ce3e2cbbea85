"""What lies in staging of a big file, on real servers with nothing but dd and a digest tool: proven, gone on with, or sent anew."""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sshsync.api import Sync, load
from sshsync.model import events as ev
from tests.integration.conftest import Site
from tests.integration.holding import program
from tests.integration.test_cuts import DRIVER
from tests.integration.test_deltas import tools
from tests.sshd import REQUIRED

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

FULL = os.environ.get("SSHSYNC_FULL") == "1"
BIG = random.Random(11).randbytes(4 << 20)
BLOCK = 64 << 10
RATE = 4_000_000
UNDER_WAY = 12 * BLOCK
"""Bytes that may be on their way when something breaks: a fifth of a second's."""


class Link:
    """A master on this machine, and a child behind a server of which a test says what its tools are."""

    def __init__(self, site: Site, place: Path) -> None:
        self.site = site
        self.tools = place
        self.root = site.root("c")
        self.events: list[ev.Event] = []

    def configure(self, more: str = "", path: str = "") -> None:
        server = self.site.server("liar" if path else "c", environment=f"PATH={path or self.tools}")
        section = server.section(path=self.root, parent="m")
        text = f"[DEFAULT]\nstable_for = 0\nretries = 2\nstreams = 1\nbwlimit = {RATE}\n{more}\n"
        self.site.write(f"{text}[m]\ntransport = local\npath = {self.site.root('m')}\n[c]\n{section}")

    def run(self, sink: Callable[[ev.Event], None] = lambda _event: None) -> int:
        self.events.clear()
        with Sync(load(self.site.config), sinks=[self.events.append, sink]) as sync:
            return sync.run([["c"]]).exit_code

    def killed(self, after: int) -> None:
        """Have a controller killed when so many bytes went."""
        command = [sys.executable, "-c", DRIVER, str(self.site.config), str(after)]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
        assert self.parts()

    def parts(self) -> list[Path]:
        return [file for file in (self.root / ".sshsync" / "part").glob("*") if file.is_file()]

    def leave(self, data: bytes, of: bytes, number: int = 1) -> None:
        """Put what an earlier run left of a content into staging."""
        place = self.root / ".sshsync" / "part"
        place.mkdir(parents=True, exist_ok=True)
        (self.root / ".sshsync").chmod(0o700)
        (place / f"{hashlib.sha256(of).hexdigest()}.0123456789abcdef-{number}").write_bytes(data)

    def seen(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def moved(self) -> int:
        return sum(event.bytes for event in self.seen(ev.Progress))

    def forget(self) -> None:
        """Begin anew."""
        for file in (*self.root.glob("*"), *self.site.directory.glob("state/journal*")):
            if file.is_file():
                file.unlink()


@pytest.fixture
def link(site: Site, tmp_path: Path) -> Link:
    site.fill("m", {"big": BIG})
    made = Link(site, tools(tmp_path / "tools"))
    made.configure()
    return made


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_flip_in_each_chunk_costs_that_chunk(link: Link, figure) -> None:
    """Each one only in the nightly suite."""
    places = range(0, len(BIG), BLOCK if FULL else 13 * BLOCK)
    for place in places:
        link.forget()
        link.leave(flipped(BIG, place + 99), BIG)
        assert link.run() == 0
        assert link.moved == BLOCK, f"a bit of the chunk at {place} was another"
        assert [event.bytes for event in link.seen(ev.Published)] == [BLOCK], "what is told is what was sent"
        link.site.same("m", "c")
    figure("chunks of 64 KiB in each of which a bit was altered", len(places))


def test_a_file_of_the_right_size_is_no_proof(link: Link) -> None:
    link.leave(bytes(len(BIG)), BIG)
    assert link.run() == 0
    assert link.moved == len(BIG)
    link.site.same("m", "c")


@pytest.mark.parametrize("after", [1 << 20, 3 << 20])
def test_two_files_of_one_content_side_by_side(link: Link, after: int) -> None:
    """Neither takes the part of the other, and what one of them brought is not sent again."""
    link.site.fill("m", {"big": BIG, "d/twin": BIG})
    link.killed(after)
    assert link.run() == 0
    link.site.same("m", "c")
    assert link.moved <= 2 * len(BIG) - after + UNDER_WAY


def test_two_parts_of_one_content_side_by_side(link: Link) -> None:
    """One of them is wrong at its begin, and the other at its end."""
    link.site.fill("m", {"big": BIG, "d/twin": BIG})
    link.leave(flipped(BIG, 99), BIG, number=1)
    link.leave(flipped(BIG, len(BIG) - 99), BIG, number=2)
    assert link.run() == 0
    link.site.same("m", "c")
    assert link.moved <= 2 * BLOCK, "each is gone on with"


def test_a_part_whose_parent_changed_meanwhile_is_not_gone_on_with(link: Link) -> None:
    link.killed(2 << 20)
    new = flipped(BIG, 300_000) + b"grown"
    link.site.fill("m", {"big": new}, mtime=1_600_000_100)
    assert link.run() == 0
    link.site.same("m", "c")
    assert not link.parts()
    assert "is there" not in link.site.cli("status").stdout


def test_a_parent_that_changes_after_a_cut_is_served_with_what_is_right_of_it(link: Link) -> None:
    """The master overwrites the file while half of it has arrived: what came is copied from, and nothing is believed."""
    new = flipped(BIG, 300_000) + b"grown"
    sent = 0

    def release(event: ev.Event) -> None:
        nonlocal sent
        before, sent = sent, sent + (event.bytes if isinstance(event, ev.Progress) else 0)
        if before < 2 << 20 <= sent:
            link.site.fill("m", {"big": new}, mtime=1_600_000_100)

    assert link.run(release) == 0
    link.site.same("m", "c")
    assert (link.root / "big").read_bytes() == new


def lying(link: Link, bad: bytes, good: bytes) -> Path:
    """Return the tools of a child that says of each block of a bad content that it is that of the good one.

    Of whole files it tells the truth: else nobody could tell.
    """
    lies = {}
    for power in range(12, 22):
        for at in range(0, len(bad), 1 << power):
            ours, theirs = bad[at : at + (1 << power)], good[at : at + (1 << power)]
            if ours != theirs:
                lies[hashlib.sha256(ours).hexdigest()] = hashlib.sha256(theirs).hexdigest()
    words = "\n".join(f"s/{one}/{other}/" for one, other in lies.items())
    place = link.site.root("liar")
    (place / "words").write_text(words)
    real = link.tools / "sha256sum"
    (place / "tee").symlink_to(str(shutil.which("tee")))
    program(place / "sha256sum", f'#!/bin/sh\n{real} "$@" | sed -f {place}/words | tee -a {place}/told\n')
    return place


def test_a_child_that_lies_about_chunks_of_a_part_gets_the_masters_bytes(link: Link) -> None:
    bad = flipped(BIG, 1_000_000)
    link.leave(bad, BIG)
    place = lying(link, bad, BIG)
    link.configure(path=f"{place}:{link.tools}")
    assert link.run() == 0
    link.site.same("m", "c")
    assert lied(place)
    assert link.moved == len(BIG), "nothing that it says is believed any more"


def lied(place: Path) -> bool:
    return hashlib.sha256(BIG[: 1 << 20]).hexdigest() in (place / "told").read_text()


def test_a_child_that_lies_about_an_old_version_gets_the_masters_bytes(link: Link) -> None:
    bad = flipped(BIG, 1_000_000)
    link.site.fill("c", {"big": bad}, mtime=1_500_000_000)
    place = lying(link, bad, BIG)
    link.configure(path=f"{place}:{link.tools}")
    assert link.run() == 0
    link.site.same("m", "c")
    assert lied(place)


@pytest.fixture
def disk(link: Link) -> Iterator[Path]:
    """A small file system of its own, as the child's root."""
    if os.geteuid() != 0:
        (pytest.fail if REQUIRED else pytest.skip)("needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(link.root)], check=True)
    yield link.root
    subprocess.run(["umount", "-l", str(link.root)], check=True)


def test_a_disk_that_fills_in_the_middle_of_a_part(link: Link, disk: Path) -> None:
    """It is told in the host's words, nothing half appears, its room is given back, and once there is enough all of it comes."""
    filler, sent = disk / "filler", 0

    def fill(event: ev.Event) -> None:
        nonlocal sent
        sent += event.bytes if isinstance(event, ev.Progress) else 0
        if sent >= 2 << 20 and not filler.exists():
            with filler.open("wb", buffering=0) as out, pytest.raises(OSError, match="No space left"):
                while True:
                    out.write(bytes(4096))

    assert link.run(fill) == 6
    assert filler.exists()
    assert not (disk / "big").exists()
    [why] = [event.error for event in link.seen(ev.RepositoryFinished) if event.repository == "c"]
    assert re.search("(?i)no space left", why or ""), why
    assert not link.parts()
    filler.unlink()
    assert link.run() == 0
    link.site.same("m", "c")
