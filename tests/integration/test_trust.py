"""Host keys as an operator meets them: whose key is asked for, in what order, and the ways out when one has changed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.sshd import Sshd


def answered(site: Site, words: str, answers: str) -> "subprocess.CompletedProcess[str]":
    """What a person sees who answers questions."""
    command = [sys.executable, "-m", "sshsync", "--config", str(site.config), *words.split()]
    env = {**os.environ, "HOME": str(site.directory)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, input=answers, check=False)


def behind(site: Site) -> tuple[Sshd, Sshd]:
    """A proxy, and nodes of which the last two are behind it; nobody is known."""
    proxy, node = site.server("proxy"), site.server("node")
    site.write(
        f"[m]\ntransport = local\npath = {site.root('m')}\n[p]\nparent = m\n{proxy.section(path=site.root('p'))}"
        f"[n[1-2]]\ngroups = far\nparent = p\nvia = p\n{node.section(path=site.root('n') / '{n}')}",
        trusted=False,
    )
    return proxy, node


def record(site: Site) -> Path:
    return site.directory / "state" / "known_hosts"


def fingerprint(server: Sshd) -> str:
    file = server.home / "fingerprint"
    file.write_text(server.known + "\n")
    return subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True).stdout.split()[1]


def test_the_key_that_is_missing_is_asked_for_by_the_name_of_the_host_that_has_it(site: Site) -> None:
    behind(site)
    unknown = site.cli("hosts", "check", "n1")
    assert unknown.returncode == 10
    assert f"then: sshsync -c {site.config} hosts trust p)" in " ".join(unknown.stdout.split()), "the jump host is what nobody knows"
    assert site.cli("hosts", "trust", "--yes", "p").returncode == 0
    assert f"then: sshsync -c {site.config} hosts trust n1)" in " ".join(site.cli("hosts", "check", "n1").stdout.split())


def test_jump_hosts_come_first_and_each_host_once(site: Site) -> None:
    proxy, node = behind(site)
    done = answered(site, "hosts trust @far", "y\ny\n")
    assert done.returncode == 0, done.stderr
    shown = [line.split()[0] for line in done.stdout.splitlines() if " shows " in line]
    assert shown == ["p", "n1"], done.stdout
    assert [line.split()[0] for line in record(site).read_text().splitlines()] == [f"[127.0.0.1]:{s.port}" for s in (proxy, node)]
    again = site.cli("hosts", "trust", "--all")
    assert again.returncode == 0
    assert again.stdout.count("already known") == 2, again.stdout


def test_one_host_that_is_away_keeps_nobody_from_being_asked_about_the_others(site: Site) -> None:
    proxy, node = behind(site)
    node.stop()
    with site.config.open("a") as out:
        out.write(f"[z]\nparent = m\n{site.server('z').section(path=site.root('z'))}")
    done = answered(site, "hosts trust n1 z", "y\ny\n")
    assert done.returncode == 75
    assert f"cannot be reached through 127.0.0.1:{proxy.port}: Connection refused" in done.stderr
    assert f"[127.0.0.1]:{site.server('z').port} " in record(site).read_text()
    refused = answered(site, "hosts trust --all", "")
    assert refused.returncode == 75, refused.stderr
    assert f"[127.0.0.1]:{proxy.port} " in record(site).read_text()


def test_who_is_to_be_trusted_has_to_be_said(site: Site) -> None:
    behind(site)
    for words in ("hosts trust", "hosts trust --all p", "hosts forget"):
        assert site.cli(*words.split()).returncode == 2
    assert site.cli("hosts", "trust", "nobody").returncode == 4
    local = site.cli("hosts", "trust", "m")
    assert local.returncode == 2
    assert "there is no key to trust" in local.stderr


def test_a_changed_key_is_told_before_anybody_asks_and_replaced_only_on_request(site: Site) -> None:
    proxy, _ = behind(site)
    other = Site(site.root("elsewhere")).server("other")
    other.stop()
    host = f"[127.0.0.1]:{proxy.port}"
    record(site).write_text(f"# kept\n{host} {other.known.split(' ', 1)[1]}\nelse {other.known.split(' ', 1)[1]}\n")
    place = f"{record(site)}:2"
    checked = site.cli("hosts", "check", "p")
    assert checked.returncode == 10
    assert f"then: sshsync -c {site.config} hosts trust --replace p)" in " ".join(checked.stdout.split())
    refused = answered(site, "hosts trust --yes p", "y\n")
    assert refused.returncode == 10
    assert f"CHANGED: on record is ssh-ed25519 {fingerprint(other)} ({place})" in refused.stdout
    assert f"shows ssh-ed25519 {fingerprint(proxy)}" in refused.stdout
    assert "Is this the right key" not in refused.stdout
    assert "someone may be in between" in refused.stderr
    declined = answered(site, "hosts trust --replace p", "n\n")
    assert declined.returncode == 10
    assert other.known.split(" ", 1)[1] in record(site).read_text()
    done = answered(site, "hosts trust --replace p", "y\n")
    assert done.returncode == 0, done.stderr
    assert "Replace what is on record by this key?" in done.stdout
    assert record(site).read_text() == f"# kept\nelse {other.known.split(' ', 1)[1]}\n{host} {proxy.known.split(' ', 1)[1]}\n"
    assert site.cli("hosts", "check", "p").returncode == 0


def test_what_stands_in_a_file_of_somebody_else_stays_there(site: Site) -> None:
    proxy, _ = behind(site)
    other = Site(site.root("elsewhere")).server("other")
    other.stop()
    host = f"[127.0.0.1]:{proxy.port}"
    theirs = site.directory / ".ssh" / "known_hosts"
    theirs.parent.mkdir(mode=0o700)
    theirs.write_text(f"{host} {other.known.split(' ', 1)[1]}\n")
    record(site).write_text(theirs.read_text())
    refused = site.cli("hosts", "trust", "--yes", "--replace", "p")
    assert refused.returncode == 10
    assert f"ssh-keygen -R '{host}' -f {theirs}" in refused.stderr
    assert theirs.read_text() == f"{host} {other.known.split(' ', 1)[1]}\n"
    assert record(site).read_text() == theirs.read_text(), "what is refused changes nothing"
    forgotten = site.cli("hosts", "forget", "p")
    assert f"p: note: still on record in {theirs}:1, which is not sshsync's own" in forgotten.stdout


def test_a_host_is_forgotten(site: Site) -> None:
    proxy, node = behind(site)
    assert site.cli("hosts", "trust", "--all", "--yes").returncode == 0
    record(site).chmod(0o640)
    done = site.cli("hosts", "forget", "n[1-2]")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"n1: {fingerprint(node)} taken out of {record(site)}", f"n2: not on record in {record(site)}"]
    assert record(site).read_text().split()[0] == f"[127.0.0.1]:{proxy.port}"
    assert record(site).stat().st_mode & 0o777 == 0o640
    assert list(record(site).parent.glob(".known_hosts*")) == []


@pytest.mark.parametrize("what", ["refused", "forbidden", "no such name"])
def test_why_a_host_cannot_be_reached_is_told_in_the_words_of_the_jump_host(site: Site, what: str) -> None:
    proxy, node = behind(site)
    assert site.cli("hosts", "trust", "--all", "--yes").returncode == 0
    if what == "refused":
        node.stop()
    elif what == "no such name":
        site.config.write_text(site.config.read_text().replace("via = p\nhost = 127.0.0.1", "via = p\nhost = nobody.invalid"))
        assert "nobody.invalid" in site.config.read_text()
    else:
        proxy.stop()
        with proxy.config.open("a") as out:
            out.write("AllowTcpForwarding no\n")
        proxy.start()
    done = site.cli("hosts", "check", "n1")
    assert done.returncode == 75
    shown = " ".join(done.stdout.split())
    words = {"refused": "Connection refused", "forbidden": "dministratively prohibited", "no such name": socket_words()}[what]
    assert f"cannot be reached through 127.0.0.1:{proxy.port}: " in shown
    assert words in shown


def socket_words() -> str:
    """What the resolver of this machine says of a name that nobody has."""
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("nobody.invalid", 22)
    return str(caught.value.strerror)
