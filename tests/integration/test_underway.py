"""A controller that is killed while a big file is on its way: what it sent is known to the next one."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from sshsync.api import Sync, load
from sshsync.model.events import Event, Progress, Remarked
from tests.integration.conftest import Site

BIG = random.Random(8).randbytes(12 << 20)
DRIVER = """
import os, signal, sys
from pathlib import Path
from sshsync.api import Sync, load
from sshsync.model import events as ev

def kill(event):
    if isinstance(event, ev.Sent):
        os.kill(os.getpid(), signal.SIGKILL)

with Sync(load(Path(sys.argv[1])), sinks=[kill]) as sync:
    sync.run([["c"]])
"""


def configure(site: Site, how: str, more: str) -> None:
    if how == "local":
        site.here("m", "c", defaults=more)
        return
    server = site.server("host")
    sections = [server.section(path=site.root(name), **({"parent": "m"} if name == "c" else {})) for name in ("m", "c")]
    site.write("\n".join([f"[DEFAULT]\nstable_for = 0\n{more}", *(f"[{name}]\n{lines}" for name, lines in zip("mc", sections, strict=True))]))


@pytest.mark.parametrize("how", ["local", "ssh"])
def test_a_killed_controller_sent_nothing_in_vain(site: Site, how: str, figure: Callable[[str, object], None]) -> None:
    site.fill("m", {"big": BIG})
    site.root("c")
    configure(site, how, "bwlimit = 2M")
    killed = subprocess.run([sys.executable, "-c", DRIVER, str(site.config)], env={**os.environ, "PYTHONPATH": os.getcwd()}, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    said = [line for line in site.cli("status").stdout.splitlines() if line.startswith("c: big ")]
    assert len(said) == 1
    assert said[0].endswith(" of 12.6 MB is there")
    there = float(said[0].split()[2]) * 1e6
    assert there > 1e6

    configure(site, how, "")
    events: list[Event] = []
    with Sync(load(site.config), sinks=[events.append]) as sync:
        assert sync.run([["c"]]).exit_code == 0
    moved = sum(event.bytes for event in events if isinstance(event, Progress))
    figure(f"MB sent again of {there / 1e6:.1f} that were sent before the kill, {how}", round((moved - len(BIG) + there) / 1e6, 1))
    assert moved <= len(BIG) - there + (2 << 20), "what a channel takes before anything arrives"
    assert any("are there already" in event.text for event in events if isinstance(event, Remarked))
    site.same("m", "c")
    assert not [line for line in site.cli("status").stdout.splitlines() if "is there" in line]
