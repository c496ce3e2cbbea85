"""What the pages tell to do, done: on a machine with the package, against the containers of the chain."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import pages
from tests.containers import packages
from tests.containers.conftest import Chain
from tests.containers.machine import Machine
from tests.containers.test_deb import debian
from tests.sshd import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ACCOUNTS = {"repomaster": "repoowner", "repoproxy": "proxyrunner", "appnode1": "appuser", "appnode2": "appuser"}
TUTORIAL = pages.DOCS / "tutorial.md"
PACKAGES = pages.DOCS / "howto" / "packages.md"
"""Needs hosts with pip and dnf: tests/integration/test_howto_packages.py follows it."""
HOWTOS = [page for page in pages.pages() if page not in (TUTORIAL, PACKAGES) and list(pages.steps(page))]
# What a how-to finds: the tutorial's end, and nothing of another page.
KEEP = "tar -C / -cf /root/kept.tar etc/sshsync var/lib/sshsync"
RESET = (
    "systemctl stop sshsync-watch.service 'sshsync*.timer' 2>/dev/null; rm -rf /etc/systemd/system/sshsync*; systemctl daemon-reload; "
    "rm -rf /etc/sshsync /var/lib/sshsync; tar -C / -xpf /root/kept.tar; sshsync --all >/dev/null"
)


class Desk:
    """Where an operator sits: the controller, and logins on the hosts."""

    def __init__(self, machine: Machine, chain: Chain, instead: dict[str, str] | None = None) -> None:
        """Sit down; `instead` holds what this machine needs for commands of a page that are another system's."""
        self._machine = machine
        self._chain = chain
        self._instead = instead or {}
        self.seconds = 0.0

    def reset(self) -> None:
        """Bring the controller back to where the tutorial ends."""
        self._machine.run(RESET)

    def follow(self, page: Path) -> None:
        """Do what a page says, to its end, and tell everything that is not as it says."""
        wrong = []
        for step in pages.steps(page):
            if isinstance(step, pages.File):
                self._machine.run(f"cat > {step.path} <<'END'\n{step.content}END")
            elif isinstance(step, pages.Copy):
                content = self._machine.run(f"cat {step.source}").stdout
                for host in ACCOUNTS:
                    self._chain.run(host, f"cat > {step.target} <<'END'\n{content}END")
            else:
                wrong += self._do(step)
        assert not wrong, "\n\n".join(wrong)

    def _do(self, step: pages.Command) -> list[str]:
        if step.command in self._instead:
            other = self._run(replace(step, command=self._instead[step.command]))
            return [] if other.returncode == 0 else [f"{self._instead[step.command]}\n{other.stdout}"]
        done = self._run(step)
        told = f"{step.machine}: {step.command}\nstatus {done.returncode}\n{done.stdout}\n--- promised:\n" + "\n".join(step.promised)
        right = done.returncode == step.status or step.status == pages.ANY
        return [] if right and step.matches(done.stdout) else [told]

    def _run(self, step: pages.Command) -> "subprocess.CompletedProcess[str]":
        if step.machine == "ops":
            container, user = self._machine.name, "root"
        else:
            container, user = self._chain.container(step.machine), "root" if step.root else ACCOUNTS[step.machine]
        place = ["-w", "/root"] if step.machine == "ops" else []
        home = [] if user == "root" else ["-e", f"HOME=/home/{user}", "-w", f"/home/{user}"]
        command = ["docker", "exec", "-i", "-u", user, *place, *home, container, "sh", "-c", f"exec 2>&1\n{step.command}"]
        return subprocess.run(command, input="y\n" * 9, capture_output=True, text=True, timeout=150, check=False)


@pytest.fixture(scope="module")
def desk(built: Path, chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A machine on which the tutorial was followed from its first line to its last."""
    require(bool(shutil.which("dnf")), "dnf")
    machine = Machine(tmp_path_factory.mktemp("layer"), "ops")
    try:
        machine.put(packages.system(tmp_path_factory.mktemp("system")), "/root/system.rpm")
        machine.run("rpm -i --nodeps /root/system.rpm")
        machine.put(packages.rpm(built), f"/root/{packages.rpm(built).name}")
        made = Desk(machine, chain)
        learn(made, machine, chain)
        machine.run(KEEP)
        yield made
    finally:
        machine.close()


def learn(desk: Desk, machine: Machine, chain: Chain) -> None:
    """Follow the tutorial where nothing was before."""
    chain.docker("network", "connect", "sshsync-test_edge", machine.name)
    for host in ACCOUNTS:
        chain.run(host, "rm -rf /dat/* /dat/.[!.]*")
    begun = time.monotonic()
    desk.follow(TUTORIAL)
    desk.seconds = time.monotonic() - begun


@pytest.mark.skipif(not os.environ.get("SSHSYNC_FULL"), reason="the same page a second time: nightly")
def test_the_tutorial_does_the_same_on_a_debian(built: Path, chain: Chain, tmp_path: Path) -> None:
    """The page names the two commands that are others there."""
    ours = [step.command for step in pages.steps(TUTORIAL) if isinstance(step, pages.Command)][:2]
    theirs = re.findall(r"`((?:apt install|dpkg) [^`]+)`", TUTORIAL.read_text())
    assert [command.split()[0] for command in (*ours, *theirs)] == ["dnf", "rpm", "apt", "dpkg"]
    machine = debian(tmp_path, "ops")
    try:
        machine.run("echo 'Debug::NoLocking 1;' > /etc/apt/apt.conf.d/container")
        machine.put(packages.deb(built), f"/root/{packages.deb(built).name}")
        desk = Desk(machine, chain, dict(zip(ours, theirs, strict=True)))
        learn(desk, machine, chain)
        assert desk.seconds < 300
    finally:
        machine.close()


def test_the_tutorial_leads_from_nothing_to_a_nightly_chain(desk: Desk) -> None:
    """The fixture follows it; nothing but the package and the hosts is there before. Ten minutes are a person's."""
    assert desk.seconds < 300


@pytest.mark.parametrize("page", HOWTOS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_do_what_it_says(desk: Desk, page: Path) -> None:
    desk.reset()
    desk.follow(page)
