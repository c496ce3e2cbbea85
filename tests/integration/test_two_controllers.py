"""Two controllers, each with a state of its own, and one child: who works there is known, and the other is told."""

import copy
import os
import re
import signal
import socket
import time

import pytest

from sshsync.core.lease import DEAD_AFTER
from tests.integration.conftest import Site, contents
from tests.integration.holding import Gate, Running, running, staged

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

FULL = os.environ.get("SSHSYNC_FULL") == "1"
FILES = {"a": b"alpha", "d/b": b"beta", "z": b"last of the small ones"}
LONGEST_LEASE = 300.0
"""Seconds after which the lease of a holder that gives no sign is somebody else's, whatever is stated."""


def controller(site: Site, name: str, text: str) -> Site:
    """Return another controller of the same servers: a configuration and a state directory of its own."""
    made = copy.copy(site)
    made.config = site.directory / f"{name}.conf"
    state = site.directory / f"state-{name}"
    state.mkdir(exist_ok=True, mode=0o700)
    (state / "known_hosts").write_text("".join(f"{server.known}\n" for server in site.servers.values()))
    made.config.write_text(f"[sshsync]\nstate_dir = {state}\n{text}")
    made.config.chmod(0o600)
    return made


def sections(site: Site, child: str = "", child_host: str = "c") -> str:
    """A master with the children c and e, and d behind c."""
    text = "[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\ntimeout = 20\n"
    for name, parent, host in (("m", "", "m"), ("c", "m", child_host), ("d", "c", "d"), ("e", "m", "e")):
        above = f"parent = {parent}\n" if parent else ""
        more = child if name == "c" else ""
        text += f"[{name}]\n{above}{more}{site.server(host).section(path=site.root(name))}"
    return text


class Two:
    """The first holds in the middle of its work on c: the bytes are staged, nothing is visible yet."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.gate = Gate(site, "z")
        self.gate.arm()
        site.fill("m", FILES)
        sections(site)
        self.first = controller(site, "first", sections(site, self.gate.command))
        self.second = controller(site, "second", sections(site))


@pytest.fixture
def two(site: Site) -> Two:
    return Two(site)


def told(summary: dict, name: str) -> str:
    return f"{summary['by_name'][name]['error']} {summary['by_name'][name]['problems']}"


def finished(run: dict, name: str) -> dict:
    return next(event for event in run["events"] if event["type"] == "repository_finished" and event["repository"] == name)


def test_the_second_is_told_who_works_there_and_the_others_go_on(two: Two) -> None:
    with running(two.first, "--json", "--sync", "c", "--sync", "d", name="first") as first:
        two.gate.wait(first)
        found = two.second.summary("--sync", "c,e", "--sync", "d")
        assert first.going, first.said
        assert not contents(two.site.root("c")), "nothing is published under the other's hands"
        assert found["by_name"]["e"]["outcome"] == "done"
        assert found["by_name"]["c"]["outcome"] in ("failed", "refused")
        assert finished(found, "c")["code"] == 8
        assert found["exit_code"] == 8
        words = told(found, "c")
        assert re.search(rf"\bpid {first.process.pid}\b", words), words
        assert socket.gethostname() in words
        assert re.search(r"since 20\d\d-\d\d-\d\d", words), words
        assert "trust" not in words.lower()
        assert found["by_name"]["d"]["outcome"] == "blocked"
        assert not contents(two.site.root("d"))
        two.gate.open()
        assert first.ended() == 0, first.said
        assert first.summary()["by_name"]["c"]["bytes"]["resent"] == 0
    again = two.second.summary("--sync", "c,e", "--sync", "d")
    assert again["exit_code"] == 0
    two.site.same("m", "c", "d", "e")


def test_a_guard_decides_before_the_lease_of_another(two: Two) -> None:
    """Exit code 9 comes before 8, as the manual orders them."""
    two.site.fill("e", {f"old{n}": b"x" for n in range(4)})
    text = two.second.config.read_text().replace("[e]\n", "[e]\nmax_delete = 0\n")
    two.second.config.write_text(text)
    with running(two.first, "--json", "--sync", "c", name="first") as first:
        two.gate.wait(first)
        found = two.second.summary("--sync", "c,e")
        assert finished(found, "c")["code"] == 8
        assert finished(found, "e")["code"] == 9
        assert found["exit_code"] == 9
        two.gate.open()
        assert first.ended() == 0, first.said


def test_both_at_once_tear_nothing_and_one_ends_well(two: Two) -> None:
    big = {f"big{n}": os.urandom(1_500_000) for n in range(4)}
    two.site.fill("m", big)
    with (
        running(two.first, "--json", "--sync", "c", name="first") as first,
        running(two.second, "--json", "--sync", "c", name="second") as second,
    ):
        two.gate.open()
        codes = {first.ended(), second.ended()}
        assert 0 in codes, first.said + second.said
        assert codes <= {0, 8}, first.said + second.said
    assert two.second.summary("--sync", "c")["exit_code"] == 0
    two.site.same("m", "c")


def killed_in_the_middle(two: Two) -> None:
    with running(two.first, "--json", "--sync", "c", name="first") as first:
        two.gate.wait(first)
        first.kill()
    assert not contents(two.site.root("c"))


@pytest.mark.parametrize("words", [("resume",), ("--sync", "c")], ids=["resume", "sync"])
def test_a_killed_controller_takes_its_own_work_up_at_once(two: Two, words: tuple[str, ...]) -> None:
    killed_in_the_middle(two)
    found = two.first.summary(*words)
    assert found["exit_code"] == 0, found
    assert not [event for event in found["events"] if event["type"] in ("waiting", "retried")], "it waits for nobody"
    two.gate.open()
    two.site.same("m", "c")


def test_another_controller_of_the_same_machine_takes_over_from_a_dead_one_at_once(two: Two) -> None:
    killed_in_the_middle(two)
    found = two.second.summary("--sync", "c")
    assert found["exit_code"] == 0, found
    assert not [event for event in found["events"] if event["type"] in ("waiting", "retried")], "it waits for nobody"
    two.gate.open()
    two.site.same("m", "c")
    assert two.first.summary("resume")["exit_code"] == 0, "what the first left to do is done"
    two.site.same("m", "c")


def payload(site: Site) -> list[bytes]:
    """Return the bytes of files that lie in the child's staging."""
    return sorted(data for data in (file.read_bytes() for file in staged(site.root("c"))) if data in FILES.values())


def test_what_changes_nothing_asks_nobody(two: Two) -> None:
    """A dry run and a run that finds nothing to do go on beside a holder, and leave no trace."""
    idle = controller(two.site, "idle", sections(two.site, "include = nothing-of-that-name\n"))
    with running(two.first, "--json", "--sync", "c", name="first") as first:
        two.gate.wait(first)
        before = payload(two.site)
        assert two.second.summary("--dry-run", "--sync", "c")["exit_code"] == 11
        assert idle.summary("--sync", "c")["exit_code"] == 0
        assert before
        assert payload(two.site) == before, "what the other has staged is still there"
        assert not contents(two.site.root("c"))
        two.gate.open()
        assert first.ended() == 0, first.said


def stop_in_the_middle(two: Two, first: Running) -> None:
    two.gate.wait(first)
    os.kill(first.process.pid, signal.SIGSTOP)
    two.gate.open()


@pytest.mark.skipif(not FULL, reason="waits until a lease is over: SSHSYNC_FULL=1")
@pytest.mark.timeout(2 * LONGEST_LEASE)
def test_a_holder_that_slept_past_its_lease_publishes_nothing(two: Two) -> None:
    with running(two.first, "--json", "--sync", "c", name="first") as first:
        stop_in_the_middle(two, first)
        two.site.fill("m", {name: b"new " + data for name, data in FILES.items()}, mtime=1_700_000_000)
        begun = time.monotonic()
        second = two.second.cli("--json", "--sync", "c", timeout=LONGEST_LEASE)
        assert second.returncode == 0, second.stdout
        assert time.monotonic() - begun > DEAD_AFTER - 1, "its process is there: nobody takes over at once"
        assert '"type": "waiting"' in second.stdout
        two.site.same("m", "c")
        os.kill(first.process.pid, signal.SIGCONT)
        assert first.ended() == 8, first.said
        assert not first.events("published")
    two.site.same("m", "c")
