"""`transfer = direct`: the child pulls from its parent with its own ssh, on real servers, and whatever goes wrong between them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.ports import reserved
from sshsync.config.schema import RepositoryOptions
from tests.integration.conftest import Site, contents
from tests.integration.holding import program, running, sizes, stopped_receiver, until, write_late
from tests.integration.test_cuts import Relay
from tests.integration.test_names import CORPUS, fill, login_by
from tests.integration.test_tools import tools
from tests.sshd import Sshd, require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BIG = os.urandom(3_000_000)
SMALL = {"a": b"alpha", "d/sp ace": b"beta", "d/e/'$(x)": b"", "line\nfeed": b"odd"}
PLAIN = RepositoryOptions().sshcmd
AGAIN = "retries = 1\n"


def ssh(*options: str) -> str:
    """Return the sshcmd that is taken by default, but for options that go first."""
    require(bool(shutil.which("ssh")), "ssh")
    return PLAIN.replace("ssh ", f"ssh -F none {' '.join(options)} ", 1)


class Pair:
    """A master and its child, each on a server of its own; the child has a key for the master, and knows that host's key."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.known = site.directory / "known"
        self.key = site.server("m").key
        self.known.write_text(site.server("m").known + "\n")

    def configure(self, child: str = "", *, sshcmd: str = "", parent: str = "", environment: str = "") -> Site:
        site = self.site
        given = sshcmd or ssh(f"-i {self.key}", f"-o UserKnownHostsFile={self.known}")
        site.write(
            f"[DEFAULT]\nstable_for = 0\ntimeout = 20\n[m]\n{parent}{site.server('m').section(path=site.root('m'))}"
            f"[c]\nparent = m\ntransfer = direct\nsshcmd = {given}\n{child}"
            f"{site.server('c', environment=environment).section(path=site.root('c'))}"
        )
        return site


@pytest.fixture
def pair(site: Site) -> Pair:
    site.fill("m", {"big": BIG, **SMALL})
    return Pair(site)


class Way:
    """A way from the child to its parent of a certain rate, which breaks each time that so many bytes went over it."""

    def __init__(self, server: Sshd, rate: float = 0, cut: int = 0) -> None:
        words = [sys.executable, "-m", "benchmarks.relay", str(server.port), "0", str(rate), str(cut)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def told(self) -> list[int]:
        """Return the bytes that went to the parent and came from there, and how often the way broke."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [int(float(word)) for word in self._process.stdout.readline().split()]

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()


@pytest.fixture
def way(pair: Pair) -> Iterator[Callable[..., Way]]:
    made: list[Way] = []

    def make(rate: float = 0, cut: int = 0) -> Way:
        found = Way(pair.site.server("m"), rate, cut)
        made.append(found)
        pair.known.write_text(pair.site.server("m").known.replace(f":{pair.site.server('m').port}", f":{found.port}") + "\n")
        return found

    yield make
    for one in made:
        one.close()


def test_big_and_small_files_come_with_their_modes_and_times(pair: Pair) -> None:
    site = pair.configure("delete = yes\nmax_delete = 100%\n")
    (site.root("m") / "a").chmod(0o640)
    site.fill("c", {"gone/x": b"x"})
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert found["by_name"]["c"]["bytes"]["moved"] == len(BIG) + sum(map(len, SMALL.values()))
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


def test_no_byte_of_a_file_passes_the_controller(pair: Pair) -> None:
    """What the controller says and hears is small: its connections carry less than a tenth of the file."""
    site = pair.configure()
    assert site.cli("--sync", "c").returncode == 0
    logins = site.server("m").log.read_text().count("Accepted publickey")
    assert logins >= 3, "the controller's own, one for the big file and one for the small ones"
    site.same("m", "c")


@pytest.mark.parametrize("shell", ["tcsh", "fish", "busybox"])
def test_login_shells_of_both_hosts_carry_it(site: Site, shell: str) -> None:
    wrapper = login_by(site, shell)
    site.root("home")
    for name in ("m", "c"):
        site.server(name, f"ForceCommand {wrapper}")
    fill(site.root("m"), sorted(CORPUS))
    site.fill("m", {"big 'n' \"odd\" $(touch INJECTED)": BIG})
    assert Pair(site).configure().cli("--sync", "c").returncode == 0
    site.same("m", "c")
    assert not list(site.directory.rglob("INJECTED"))


def test_what_start_up_files_of_the_parent_print_is_no_part_of_a_file(site: Site) -> None:
    noisy = program(site.directory / "noisy", '#!/bin/sh\nprintf "Welcome!\\n0 end 0\\nno line feed"\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n')
    site.fill("m", {"big": BIG, **SMALL})
    site.server("m", f"ForceCommand {noisy}")
    assert Pair(site).configure().cli("--sync", "c").returncode == 0
    site.same("m", "c")


def test_the_parent_may_have_another_name_and_port_for_its_children(pair: Pair, way: Callable[..., Way]) -> None:
    passed = way()
    server = pair.site.server("m")
    site = pair.configure(parent=f"peer_port = {passed.port}\npeer_host = 127.0.0.1\npeer_user = {server.user}\n")
    assert site.cli("--sync", "c").returncode == 0
    site.same("m", "c")
    assert passed.told()[1] > len(BIG)


def test_a_way_that_breaks_costs_what_was_under_way(pair: Pair, way: Callable[..., Way]) -> None:
    big = os.urandom(12_000_000)
    pair.site.fill("m", {"big": big})
    broken = way(rate=3_000_000, cut=2_500_000)
    site = pair.configure(parent=f"peer_port = {broken.port}\n")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    _, came, cuts = broken.told()
    assert cuts >= 4
    assert came < 1.5 * len(big)


def test_a_killed_controller_costs_what_was_under_way(pair: Pair, way: Callable[..., Way]) -> None:
    big = os.urandom(12_000_000)
    pair.site.fill("m", {"big": big})
    slow = way(rate=2_000_000)
    site = pair.configure(parent=f"peer_port = {slow.port}\n")
    with running(site, "--json", "--sync", "c") as first:
        part = site.root("c") / ".sshsync" / "part"
        until(lambda: sum(sizes(part)) > 6_000_000 or not first.going, "half of the file")
        first.kill()
    before = slow.told()[1]
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert slow.told()[1] - before < 9_000_000


def test_a_controller_that_is_gone_grants_nothing_more(pair: Pair, way: Callable[..., Way]) -> None:
    """The child does not go on pulling for nobody."""
    pair.site.fill("m", {"big": os.urandom(30_000_000)})
    slow = way(rate=3_000_000)
    site = pair.configure(parent=f"peer_port = {slow.port}\n")
    server = site.server("c")
    with running(site, "--json", "--sync", "c") as first:
        part = site.root("c") / ".sshsync" / "part"
        until(lambda: sum(sizes(part)) > 3_000_000 or not first.going, "some of the file")
        first.kill()
    until(lambda: not server.sessions(), "the end of what the child did", 60)
    assert max(sizes(part)) < 20_000_000


def test_a_flipped_block_in_staging_costs_a_block(pair: Pair, way: Callable[..., Way]) -> None:
    big = os.urandom(12_000_000)
    pair.site.fill("m", {"big": big})
    slow = way(rate=3_000_000)
    site = pair.configure(parent=f"peer_port = {slow.port}\n")
    part = site.root("c") / ".sshsync" / "part"
    with running(site, "--json", "--sync", "c") as first:
        until(lambda: sum(sizes(part)) > 8_000_000 or not first.going, "most of the file")
        file = max(part.glob("*"), key=lambda one: one.stat().st_size)
        with file.open("r+b") as out:
            out.seek(1_000_000)
            out.write(bytes([big[1_000_000] ^ 1]))
        assert first.ended() == 0, first.said
    site.same("m", "c")
    assert slow.told()[1] < len(big) * 1.05, "only the block that was wrong came again"


@pytest.mark.parametrize("lost", ["connection", "controller"])
def test_a_receiver_that_wakes_late_tears_nothing(pair: Pair, way: Callable[..., Way], lost: str) -> None:
    pair.site.fill("m", {"big": os.urandom(9_000_000)})
    slow = way(rate=3_000_000)
    site = pair.configure(parent=f"peer_port = {slow.port}\n")
    with running(site, "--json", "--sync", "c") as first:
        old = stopped_receiver(site, "c", first)
        try:
            if lost == "controller":
                first.kill()
                assert site.summary("--sync", "c")["exit_code"] == 0
            else:
                site.servers["c"].drop_sessions()
                assert first.ended() == 0, first.said
            site.same("m", "c")
            write_late(old.held)
            old.send(signal.SIGCONT)
            old.gone()
            assert contents(site.root("c")) == contents(site.root("m"))
            assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"
        finally:
            old.send(signal.SIGKILL)
            for descriptor in old.held:
                os.close(descriptor)


def failed(site: Site) -> tuple[int, str]:
    """Return how a run ended that fails, and why."""
    found = site.summary("--sync", "c")
    return found["exit_code"], found["by_name"]["c"]["error"] or ""


def test_a_parent_that_is_not_known_is_refused_with_what_to_do(pair: Pair) -> None:
    pair.known.write_text("")
    code, error = failed(pair.configure())
    assert code == 10
    assert "does not know the host key of its parent" in error
    assert "Host key verification failed" in error
    assert f"ssh-keyscan -p {pair.site.server('m').port} 127.0.0.1 >>~/.ssh/known_hosts" in error
    assert not (pair.site.root("c") / "a").exists()


def test_a_parent_with_another_key_is_refused(pair: Pair) -> None:
    pair.known.write_text(pair.site.server("c").known.replace(str(pair.site.server("c").port), str(pair.site.server("m").port)) + "\n")
    code, error = failed(pair.configure())
    assert code == 10
    assert "has changed" in error
    assert "its parent shows another host key than it knows" in error
    assert f"ssh-keygen -R '[127.0.0.1]:{pair.site.server('m').port}'" in error


def test_a_child_that_the_parent_does_not_let_in_says_so(pair: Pair) -> None:
    code, error = failed(pair.configure(sshcmd=ssh("-o IdentitiesOnly=yes", f"-i {pair.site.server('c').key}", f"-o UserKnownHostsFile={pair.known}")))
    assert code == 10
    assert "its parent does not let it in" in error
    assert "Permission denied (publickey" in error
    assert "authorized_keys" in error


def test_a_parent_that_the_child_does_not_reach_is_given_up(pair: Pair) -> None:
    code, error = failed(pair.configure(AGAIN, parent=f"peer_port = {reserved()}\n"))
    assert code == 75
    assert "it does not reach its parent" in error
    assert "Connection refused" in error
    assert "peer_host and peer_port of m" in error


def test_a_parent_that_answers_nothing_is_given_up(pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sshcmd = ssh(f"-o UserKnownHostsFile={pair.known}").replace("ConnectTimeout=20", "ConnectTimeout=2")
        code, error = failed(pair.configure(AGAIN, sshcmd=sshcmd, parent=f"peer_port = {silent.getsockname()[1]}\n"))
    assert code == 75
    assert "timed out" in error


@pytest.mark.parametrize("after", [30, 1_500], ids=["while it greets", "while keys are agreed on"])
def test_a_parent_that_hangs_up_before_its_command_began_is_asked_again(pair: Pair, after: int) -> None:
    """Only the words of ssh tell that: its status is that of any failure of its own."""
    relay = Relay(pair.site.server("m").port, after)
    pair.known.write_text(pair.site.server("m").known.replace(f":{pair.site.server('m').port}", f":{relay.port}") + "\n")
    try:
        found = pair.configure(parent=f"peer_port = {relay.port}\n").summary("--sync", "c")
    finally:
        relay.close()
    assert found["exit_code"] == 0, found["by_name"]["c"]["error"]
    assert relay.cut
    reasons = [event["reason"] for event in found["events"] if event["type"] == "retried"]
    assert len(reasons) == 1
    assert "its connection to its parent broke off" in reasons[0]
    pair.site.same("m", "c")


def test_a_name_that_nobody_knows_is_told(pair: Pair) -> None:
    code, error = failed(pair.configure(AGAIN, parent="peer_host = nobody.invalid\n"))
    assert code == 75
    assert "Could not resolve hostname nobody.invalid" in error


def test_a_child_without_ssh_is_told_before_anything_changes(pair: Pair) -> None:
    path = tools(pair.site, {}, also=("stat", "sha256sum", "sync", "dd"))
    code, error = failed(pair.configure(sshcmd=PLAIN, environment=f"PATH={path}"))
    assert code == 6
    assert "has no ssh, which transfer = direct needs" in error
    assert not (pair.site.root("c") / ".sshsync").exists()


def test_an_ssh_of_the_operators_that_is_not_there_is_told(pair: Pair) -> None:
    code, error = failed(pair.configure(sshcmd="/nowhere/ssh ${REMOTEHOST}"))
    assert code == 6
    assert "/nowhere/ssh: not found" in error or "/nowhere/ssh: No such file" in error
    assert "install an ssh client on 127.0.0.1" in error


def test_a_dd_that_counts_reads_is_not_enough(pair: Pair) -> None:
    plain = '#!/bin/sh\ncase "$*" in *fullblock*) echo "dd: bad operand" >&2; exit 1 ;; esac\nexec REALDD "$@"\n'.replace("REALDD", str(shutil.which("dd")))
    path = tools(pair.site, {"dd": plain}, also=("stat", "sha256sum", "sync", "ssh"))
    code, error = failed(pair.configure(environment=f"PATH={path}"))
    assert code == 6
    assert "iflag=fullblock" in error


def test_an_ssh_that_would_ask_for_a_password_asks_nobody(site: Site) -> None:
    """Without BatchMode, and with a server that takes passwords, there is no terminal and no program to ask."""
    site.fill("m", SMALL)
    site.server("m", "PasswordAuthentication yes")
    pair = Pair(site)
    asking = program(site.directory / "askpass", f"#!/bin/sh\ntouch {site.directory}/ASKED\n")
    sshcmd = ssh("-o IdentitiesOnly=yes", f"-o UserKnownHostsFile={pair.known}").replace("-o BatchMode=yes ", "")
    environment = f"SSH_ASKPASS={asking} SSH_ASKPASS_REQUIRE=force DISPLAY=:0"
    code, error = failed(pair.configure(sshcmd=sshcmd, environment=environment))
    assert code == 10
    assert "Permission denied" in error
    assert not (site.directory / "ASKED").exists()


def test_a_key_that_is_good_for_another_command_only_is_told(pair: Pair) -> None:
    server = pair.site.server("m")
    public = server.key.with_suffix(".pub").read_text()
    other = pair.site.server("c").key
    (server.home / "authorized").write_text(f'{public}command="echo hello" {other.with_suffix(".pub").read_text()}')
    code, error = failed(pair.configure(sshcmd=ssh("-o IdentitiesOnly=yes", f"-i {other}", f"-o UserKnownHostsFile={pair.known}")))
    assert code == 6
    assert "its parent runs no command for it" in error


def test_a_full_disk_of_the_child_is_told_in_its_own_words(pair: Pair) -> None:
    path = tools(pair.site, {}, also=("stat", "sha256sum", "sync", "ssh", "dd"))
    (path / "dd").unlink()
    probe = '#!/bin/sh\ncase "$*" in "bs=2 count=1 iflag=fullblock") exec REALDD "$@" ;; *fullblock*) cat >/dev/null; echo "dd: error writing: No space left on device" >&2; exit 1 ;; esac\nexec REALDD "$@"\n'
    program(path / "dd", probe.replace("REALDD", str(shutil.which("dd"))))
    code, error = failed(pair.configure(environment=f"PATH={path}"))
    assert code == 6
    assert "No space left on device" in error
    assert "free space there" in error


@pytest.mark.parametrize("name", ["a", "big"])
def test_a_file_that_vanishes_on_the_parent_is_that_file_s_failure(pair: Pair, name: str) -> None:
    site = pair.configure(f"pre_cmd = rm -f {pair.site.root('m')}/{name}\n")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 7
    assert found["by_name"]["c"]["files"]["copied"] == len(SMALL)
    site.same("m", "c")


class Agent:
    """An ssh-agent with one key."""

    def __init__(self, directory: Path, key: Path) -> None:
        require(bool(shutil.which("ssh-agent")), "ssh-agent")
        self.place = directory / "agent"
        self._process = subprocess.Popen(["ssh-agent", "-D", "-a", str(self.place)], stdout=subprocess.DEVNULL)
        until(self.place.exists, "an agent")
        subprocess.run(["ssh-add", "-q", str(key)], env={**os.environ, "SSH_AUTH_SOCK": str(self.place)}, check=True)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def agent(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    made = Agent(site.directory, site.server("m").key)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(made.place))
    yield made
    made.close()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(("more", "code"), [("forward_agent = yes\n", 0), ("", 10)])
def test_an_agent_is_forwarded_when_asked_for_and_only_then(pair: Pair, more: str, code: int) -> None:
    site = pair.configure(more, sshcmd=ssh(f"-o UserKnownHostsFile={pair.known}"))
    done = site.summary("--sync", "c")
    assert done["exit_code"] == code, done["by_name"]["c"]
    if not code:
        site.same("m", "c")


def test_an_agent_that_is_not_there_is_told(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    code, error = failed(pair.configure("forward_agent = yes\n"))
    assert code == 6
    assert "no ssh-agent answers here" in error


def test_an_sshcmd_that_prints_without_end_is_not_listened_to_for_ever(pair: Pair) -> None:
    """What it says before the parent's command begins may be a banner of any length but this."""
    site = pair.configure(sshcmd="yes", child=AGAIN)
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 6
    assert "its parent runs no command for it" in found["by_name"]["c"]["error"]
