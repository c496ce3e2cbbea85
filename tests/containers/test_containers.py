"""The mission's chain on real hosts of four kinds: OpenSSH, dropbear with BusyBox, a Solaris-like node."""

import re
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.containers.conftest import PROJECT, Chain

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SHA1 = "digestcmd = if [ -f ${FILEPATH} ]; then sha1sum ${FILEPATH} | cut -d' ' -f1; else echo \\'NONE\\'; fi\n"
SCP = "synccmd = scp -p -i %s/.ssh/id_rsa ${REMOTEUSER}@${REMOTEHOST}:${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}\n"
LIST = "listcmd = find ${REPOPATH} -type f\n"
SECTIONS = f"""
[DEFAULT]
stable_for = 0
timeout = 3
retries = 2
delete = yes
max_delete = 100%

[repomaster]
user = repoowner
path = /dat/apprepo
{LIST}{SHA1}@MASTER@
[repoproxy]
user = proxyrunner
path = /dat/repoproxy
parent = repomaster
{LIST}{SHA1}{SCP % "/home/proxyrunner"}@PROXY@
[appnode1]
user = appuser
path = /dat/app
parent = repoproxy
@NODE1@
[appnode2]
user = appuser
path = /dat/app
parent = repoproxy
{LIST}digestcmd = digest -a sha1 ${{FILEPATH}}
{SCP % "/home/appuser"}peer_host = repoproxy
@NODE2@
"""


def sections_of(**hosts: str) -> str:
    made = SECTIONS
    for name, lines in hosts.items():
        made = made.replace(f"@{name.upper()}@", lines)
    return made


LINE = ("--sync", "repoproxy", "--sync", "appnode1,appnode2")


@pytest.fixture
def outside(chain: Chain) -> Chain:
    """The controller is outside: it reaches the proxy only, everything else through it."""
    key = f"key_file = {chain.key}"

    def behind(name: str) -> str:
        return f"host = {name}\nvia = repoproxy\n{key}\n"

    sections = sections_of(
        master=behind("repomaster"),
        proxy=f"host = 127.0.0.1\nport = {chain.port}\npeer_host = repoproxy\npeer_port = 22\n{key}\n",
        node1=behind("appnode1"),
        node2=behind("appnode2"),
    )
    chain.config.write_text(f"[sshsync]\nstate_dir = {chain.directory}/state\n{sections}")
    chain.config.chmod(0o600)
    done = chain.cli("hosts", "trust", "--yes", "repoproxy", "repomaster", "appnode1", "appnode2")
    assert done.returncode == 0, done.stderr
    return chain


@pytest.fixture
def release(chain: Chain) -> Callable[[int], dict[str, str]]:
    """Upload a new release to the master, as its vendor does; returns its digests."""

    def upload(megabytes: int) -> dict[str, str]:
        chain.run(
            "repomaster",
            "mkdir -p /dat/apprepo/sub && cd /dat/apprepo && "
            "for i in 1 2 3 4 5; do date > small$i; head -c 50000 /dev/urandom > sub/lib$i.so; done && "
            f"dd if=/dev/urandom of=big.war bs=1M count={megabytes} 2>/dev/null && echo odd > 'it''s \"odd\" $(touch INJECTED)'",
            "repoowner",
        )
        return chain.digests("repomaster", "/dat/apprepo")

    return upload


def all_equal(chain: Chain, expected: dict[str, str]) -> None:
    assert chain.digests("repoproxy", "/dat/repoproxy") == expected
    assert chain.digests("appnode1", "/dat/app") == expected
    assert chain.digests("appnode2", "/dat/app") == expected
    for service in ("repomaster", "repoproxy", "appnode1", "appnode2"):
        assert not chain.run(service, "find / -name INJECTED 2>/dev/null || true").strip()


def until(check: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def staging(chain: Chain, service: str, root: str, least: int) -> Callable[[], bool]:
    """Tell whether more than so many KiB lie in a staging directory."""
    return lambda: int(chain.run(service, f"du -sk {root}/.sshsync 2>/dev/null || echo 0").split()[0]) > least


def test_the_chain_from_outside(outside: Chain, release) -> None:
    expected = release(20)
    done = outside.cli(*LINE)
    assert done.returncode == 0, done.stdout + done.stderr
    all_equal(outside, expected)
    again = outside.cli(*LINE)
    assert again.returncode == 0
    assert "in sync" in again.stdout, again.stdout


def test_the_master_has_seen_the_proxy_alone(outside: Chain, release) -> None:
    release(1)
    assert outside.cli(*LINE).returncode == 0
    peers = set(re.findall(r"Accepted publickey for repoowner from (\S+)", outside.log("repomaster")))
    assert peers == {outside.address("repoproxy", "upstream")}


def test_the_controller_on_the_proxy(chain: Chain, release) -> None:
    expected = release(3)
    key = "key_file = /home/proxyrunner/.ssh/id_rsa"
    config = sections_of(
        master=f"host = repomaster\n{key}\n",
        proxy="transport = local\npeer_host = repoproxy\n",
        node1=f"host = appnode1\n{key}\n",
        node2=f"host = appnode2\n{key}\n",
    )
    quoted = config.replace("'", "'\\''")
    chain.run("repoproxy", f"umask 077; mkdir -p ~/etc; printf '%s' '{quoted}' > ~/etc/sshsync.conf", "proxyrunner")
    run = "HOME=/home/proxyrunner sshsync --config /home/proxyrunner/etc/sshsync.conf"
    chain.run("repoproxy", f"{run} hosts trust --yes repomaster appnode1 appnode2", "proxyrunner")
    said = chain.run("repoproxy", f"{run} {' '.join(LINE)}", "proxyrunner")
    assert "done" in said, said
    all_equal(chain, expected)


def test_a_network_that_is_cut_in_the_middle(outside: Chain, release) -> None:
    expected = release(150)
    assert outside.cli("--sync", "repoproxy").returncode == 0
    network, node = f"{PROJECT}_inside", outside.container("appnode1")
    run = outside.popen(*LINE)
    until(staging(outside, "appnode1", "/dat/app", 10_000))
    outside.docker("network", "disconnect", "-f", network, node)
    try:
        said, errors = run.communicate(timeout=140)
    finally:
        outside.docker("network", "connect", "--alias", "appnode1", network, node)
    assert run.returncode == 75, said + errors
    assert "appnode1" in said
    done = outside.cli(*LINE)
    assert done.returncode == 0, done.stdout
    all_equal(outside, expected)


def test_a_container_that_is_stopped_in_the_middle(outside: Chain, release) -> None:
    expected = release(150)
    assert outside.cli("--sync", "repoproxy").returncode == 0
    run = outside.popen(*LINE)
    until(staging(outside, "appnode2", "/dat/app", 10_000))
    outside.docker("kill", outside.container("appnode2"))
    said, errors = run.communicate(timeout=140)
    assert run.returncode == 75, said + errors
    assert "appnode2" in said
    outside.docker("start", outside.container("appnode2"))
    until(lambda: outside.cli("hosts", "trust", "--yes", "appnode2").returncode == 0)
    done = outside.cli(*LINE)
    assert done.returncode == 0, done.stdout + done.stderr
    all_equal(outside, expected)


def test_a_disk_that_fills_in_the_middle(outside: Chain, release) -> None:
    expected = release(150)
    assert outside.cli("--sync", "repoproxy").returncode == 0
    run = outside.popen(*LINE)
    until(staging(outside, "appnode1", "/dat/app", 10_000))
    outside.run("appnode1", "dd if=/dev/zero of=/dat/filler bs=1M count=400 2>/dev/null; true")
    said, errors = run.communicate(timeout=140)
    assert run.returncode == 7, said + errors
    assert "No space left on device" in said, said
    assert "free space there" in said, said
    outside.run("appnode1", "rm /dat/filler")
    done = outside.cli(*LINE)
    assert done.returncode == 0, done.stdout
    all_equal(outside, expected)


def test_the_survey_of_four_kinds_of_hosts(outside: Chain) -> None:
    done = outside.cli("hosts", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("repomaster", "appnode1", "Linux", "built in (busybox)", "digestcmd", "synccmd", "relay"):
        assert words in done.stdout, done.stdout
