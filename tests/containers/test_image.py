"""The image of the recipe: built of a local Debian without a network, run as its page says, with its state in a volume."""

import fcntl
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import pages
from tests.containers import base, packages
from tests.sshd import require

FULL = pytest.mark.skipif(not os.environ.get("SSHSYNC_FULL"), reason="builds images for a minute: nightly")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), FULL]

PAGE = pages.DOCS / "howto" / "container.md"
NAMED = "sshsync:0.1.0"
"""The image as the page calls it."""
ID = 990
CONFIG = """[sshsync]
state_dir = /var/lib/sshsync
plan.nightly = --sync c
[DEFAULT]
stable_for = 0
[m]
transport = local
path = /dat/m
[c]
transport = local
path = /dat/c
parent = m
"""


def told(beginning: str) -> list[str]:
    """Return the words of the one command of the page that begins so."""
    found = [line for line in PAGE.read_text().splitlines() if line.startswith(beginning)]
    assert len(found) == 1, beginning
    return shlex.split(found[0])


def built_as_told(tag: str, context: Path, *words: str) -> None:
    command = told("docker build ")
    assert command[-3:] == ["-t", NAMED, "dist"]
    command = [*command[:-3], "-t", tag, "--network", "none", *words, str(context)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, cwd=packages.CHECKOUT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def image(built: Path) -> str:
    answering = bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    require(answering, "a Docker engine that answers")
    require(os.geteuid() == 0, "an account that may give files away")
    base.build("sshsync-test/debian", "python3.11", "adduser", "logrotate")
    built_as_told("sshsync-test/image", built, "--build-arg", "BASE=sshsync-test/debian")
    return "sshsync-test/image"


class Shelf:
    """The directories of the page, elsewhere, and the repositories."""

    def __init__(self, directory: Path, image: str, owner: int = ID) -> None:
        self.directory, self.image = directory, image
        for name in ("etc", "keys", "state", "dat/m", "dat/c"):
            (directory / name).mkdir(parents=True)
        (directory / "etc" / "sshsync.conf").write_text(CONFIG)
        (directory / "dat" / "m" / "one").write_text("one\n")
        for name in ("keys", "state", "dat/c"):
            os.chown(directory / name, owner, owner)
            (directory / name).chmod(0o700)

    def run(self, *words: str, engine: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        """Run the page's command, with other arguments for sshsync."""
        command = [word.replace("/srv/sshsync", str(self.directory)) for word in told("docker run --rm --init")]
        place = command.index(NAMED)
        command[place:] = ["-v", f"{self.directory}/dat:/dat", *engine, self.image, *(words or command[place + 1 :])]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def content(self) -> str:
        file = self.directory / "dat" / "c" / "one"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def shelf(tmp_path: Path, image: str) -> Shelf:
    return Shelf(tmp_path, image)


def test_a_run_is_a_container_and_its_state_outlives_it(shelf: Shelf) -> None:
    first = shelf.run()
    assert first.returncode == 0, first.stderr
    assert shelf.content() == "one\n"
    assert {file.stat().st_uid for file in (shelf.directory / "dat" / "c" / "one", shelf.directory / "state" / "journal.sqlite")} == {ID}
    status = shelf.run("status")
    assert status.returncode == 0, status.stderr
    assert "c: in sync as of" in status.stdout
    (shelf.directory / "dat" / "m" / "one").write_text("two\n")
    assert shelf.run("--all", "--dry-run").returncode == 11, "the code is sshsync's own"
    second = shelf.run()
    assert second.returncode == 0, second.stderr
    assert shelf.content() == "two\n"
    assert len(re.findall(r"^\d{8}", shelf.run("history").stdout, re.MULTILINE)) >= 2


def test_another_number_will_do(tmp_path: Path, image: str) -> None:
    shelf = Shelf(tmp_path, image, 4711)
    done = shelf.run(engine=("--user", "4711:4711"))
    assert done.returncode == 0, done.stderr
    assert shelf.content() == "one\n"


def test_two_containers_with_one_state_are_one_at_a_time(shelf: Shelf) -> None:
    assert shelf.run().returncode == 0
    with (shelf.directory / "state" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert shelf.run().returncode == 8


def test_the_image_is_no_root_and_keeps_nothing_of_ours(image: str) -> None:
    shown = subprocess.run(["docker", "image", "inspect", image, "--format", "{{.Config.User}} {{json .Config.Entrypoint}}"], capture_output=True, text=True, check=True)
    assert shown.stdout == f'{ID}:{ID} ["sshsync"]\n'
    run = ["docker", "run", "--rm", "--entrypoint", "sh", image, "-c", "id -u; ls -A /keys /var/lib/sshsync /etc/sshsync /tmp; sshsync --version"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == f"{ID}\n/etc/sshsync:\n\n/keys:\n\n/tmp:\n\n/var/lib/sshsync:\nsshsync, version 0.1.0\n"


def test_wheels_do_as_well(shelf: Shelf, built: Path) -> None:
    require(Path("/usr/lib/python3/dist-packages/pip").exists(), "python3-pip")
    base.build("sshsync-test/python", "python3-pip", without="/usr/lib/python3.11/EXTERNALLY-MANAGED")
    wheels = next((packages.CHECKOUT / "build" / "stage").glob("sshsync-*/wheels"))
    built_as_told("sshsync-test/image-of-wheels", wheels, "--build-arg", "BASE=sshsync-test/python", "--build-arg", "PACKAGE=*.whl")
    shelf.image = "sshsync-test/image-of-wheels"
    done = shelf.run()
    assert done.returncode == 0, done.stderr
    assert shelf.content() == "one\n"
