"""What a run ended by is told once on one screen, however its two outputs come together there."""

import subprocess
import sys

import pytest

from tests.integration.conftest import Site
from tests.integration.test_guards import answered

pytestmark = pytest.mark.integration


@pytest.fixture
def unreachable(site: Site) -> Site:
    """A chain of which nobody reaches the master."""
    nodes = "".join(f"[n{number}]\ntransport = local\npath = {site.directory}/n{number}\nparent = p\n" for number in (1, 2, 3))
    site.write(
        f"[DEFAULT]\nretries = 1\n[m]\nhost = 127.0.0.1\nport = 1\npath = {site.directory}/m\n"
        f"[p]\ntransport = local\npath = {site.root('p')}\nparent = m\n{nodes}"
    )
    return site


def together(site: Site, *words: str) -> str:
    """Return what stands in one file, as in a mail of cron."""
    command = [sys.executable, "-m", "sshsync", "-c", str(site.config), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


def test_who_is_blocked_stands_behind_the_cause(unreachable: Site) -> None:
    said = unreachable.cli("--all").stdout.splitlines()
    place = next(number for number, line in enumerate(said) if line.startswith("m: "))
    assert "Connection refused" in said[place]
    assert said[place + 1] == "blocked behind it: p, n[1-3]"
    assert not [line for line in said if ": blocked: " in line]


def test_in_one_file_and_on_a_terminal_a_cause_stands_once(unreachable: Site) -> None:
    for said in (together(unreachable, "--all"), answered(unreachable, "", "--all")[0]):
        assert said.count("Connection refused") == 1, said
        assert said.count("blocked behind it: p, n[1-3]") == 1, said


def test_an_item_that_failed_stands_once_too(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    site.here("m", "c")
    (site.root("c") / "a").mkdir()
    for said in (together(site, "--all"), answered(site, "", "--all")[0]):
        assert said.count("c: a: failed: ") == 1, said
    apart = site.cli("--all")
    assert "c: a: failed: " in apart.stdout
    assert "c: a: failed: " in apart.stderr, "whoever reads only one of them misses nothing"
