"""What docs/security.md tells of accounts, keys and algorithms, tried on real servers."""

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import paramiko
import pytest

from sshsync.transports.ssh_greeting import CIPHERS, MACS
from tests import pages
from tests.integration import test_deltas
from tests.integration.conftest import Site
from tests.sshd import Sshd, require

pytestmark = pytest.mark.integration

PAGE = pages.DOCS / "security.md"
FIPS = (
    "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr",
    "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512",
    "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha256",
    "HostKeyAlgorithms ecdsa-sha2-nistp256,rsa-sha2-256,rsa-sha2-512",
    "PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,rsa-sha2-256,rsa-sha2-512",
)
"""What an sshd takes whose system allows nothing but FIPS 140 has, without Ed25519 and X25519."""
REFUSING = """
import hashlib
def refused(name, real):
    def make(data=b"", *, usedforsecurity=True):
        if usedforsecurity:
            raise ValueError(name + " is not allowed here")
        return real(data, usedforsecurity=False)
    return make
for name in ("md5", "sha1"):
    setattr(hashlib, name, refused(name, getattr(hashlib, name)))
def new(name, data=b"", *, usedforsecurity=True, _new=hashlib.new):
    if usedforsecurity and name.lower() in ("md5", "sha1"):
        raise ValueError(name + " is not allowed here")
    return _new(name, data, usedforsecurity=usedforsecurity)
hashlib.new = new
"""
"""As an interpreter behaves whose OpenSSL allows neither of both for security."""


def options(kind: str) -> str:
    """Return the options of the line for authorized_keys that the page shows under a comment."""
    (found,) = re.findall(rf"^# {kind}\b.*\n(\S+) ssh-ed25519 ", PAGE.read_text(), re.MULTILINE)
    return found


def allow(server: Sshd, restricted: str, *behind: Sshd) -> None:
    """Let the key of a server in by a line of the page, with the addresses of this machine."""
    opened = ",".join(f'permitopen="127.0.0.1:{node.port}"' for node in behind)
    restricted = re.sub(r'(?:permitopen="[^"]+",?)+', opened + ",", restricted)
    restricted = re.sub(r'from="[^"]+"', 'from="127.0.0.1"', restricted)
    public = server.key.with_suffix(".pub").read_text()
    (server.home / "authorized").write_text(f"{restricted} {public}")


def test_keys_that_may_do_as_little_as_the_page_says_are_enough(site: Site) -> None:
    master, proxy, node = (site.server(name) for name in ("master", "proxy", "node"))
    allow(master, options("a master"))
    allow(node, options("a node"))
    allow(proxy, options("a jump host"), node)
    site.fill("m", {"a": b"alpha", "big": os.urandom(3_000_000)})
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{master.section(path=site.root('m'))}[p]\nparent = m\n{proxy.section(path=site.root('p'))}"
        f"[n]\nparent = p\nvia = p\n{node.section(path=site.root('n'))}"
    )
    assert site.cli("--all").returncode == 0
    site.same("m", "p", "n")
    # The same lines keep out what they should: another address, and a way to anywhere else.
    for server, wrong in ((master, options("a master")), (proxy, options("a jump host"))):
        allow(server, wrong)
        text = (server.home / "authorized").read_text()
        (server.home / "authorized").write_text(text.replace('from="127.0.0.1"', 'from="192.0.2.1"'))
    assert site.cli("--all").returncode == 10


def test_a_host_that_takes_what_fips_allows_is_served(site: Site, tmp_path: Path) -> None:
    keys = tmp_path / "ecdsa"
    keys.mkdir(mode=0o700)
    for name in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(keys / name)], check=True)
    server = site.server("strict", f"HostKey {keys}/host", *FIPS)
    (server.home / "authorized").write_text((keys / "login.pub").read_text())
    server.known = f"[127.0.0.1]:{server.port} " + " ".join((keys / "host.pub").read_text().split()[:2])
    site.fill("m", {"a": b"alpha", "big": os.urandom(3_000_000)})
    lines = server.section(path=site.root("c"), key_file=keys / "login")
    site.write(f"[DEFAULT]\nstable_for = 0\n[m]\ntransport = local\npath = {site.root('m')}\n[c]\nparent = m\n{lines}")
    assert site.cli("--all").returncode == 0
    site.same("m", "c")
    (server.home / "authorized").write_text(server.key.with_suffix(".pub").read_text())
    site.write(site.config.read_text().partition("\n")[2].partition("\n")[2].replace(str(keys / "login"), str(server.key)))
    assert site.cli("--all").returncode == 10, "it takes no Ed25519"


def test_the_page_names_the_algorithms_that_are_offered() -> None:
    one, other = socket.socketpair()
    with one, other:
        made = paramiko.Transport(one)
        offered = made.get_security_options()
        known = {"key exchange": offered.kex, "ciphers": CIPHERS, "MACs": MACS, "host keys and logins": offered.key_types}
        made.close()
    rows = dict(re.findall(r"^\| ([^|]+) \| (`[^|]+`) \|$", PAGE.read_text(), re.MULTILINE))
    assert {name: tuple(re.findall(r"`([^`]+)`", rows[name])) for name in known} == known


def test_a_controller_that_may_neither_use_md5_nor_sha1_for_security_does_all_its_work(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strict").mkdir()
    (tmp_path / "strict" / "sitecustomize.py").write_text(REFUSING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "strict"))
    for name in ("md5", "sha1"):
        assert subprocess.run([sys.executable, "-c", f"import hashlib; hashlib.new('{name}')"], capture_output=True, check=False).returncode == 1
    old = random.Random(7).randbytes(6 << 20)
    site.fill("m", {"big": old, **{f"d/{number}": b"small %d" % number for number in range(50)}})
    sections = [f"[{name}]\n{more}{site.server(name).section(path=site.root(name))}" for name, more in (("m", ""), ("c", "parent = m\n"))]
    site.write("[DEFAULT]\nstable_for = 0\ncompress = yes\n" + "".join(sections))
    assert site.cli("--all").returncode == 0
    site.fill("m", {"big": old[:3_000_000] + b"inserted" + old[3_000_000:], "d/1": b"changed"}, mtime=1_600_000_100)
    found = site.summary("--all")
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    assert found["by_name"]["c"]["bytes"]["saved"] > len(old) // 2, "comparing works there too"
    assert site.cli("verify").returncode == 0


def test_hosts_whose_interpreters_refuse_both_are_compared_by_the_digest_of_the_content(site: Site, tmp_path: Path) -> None:
    """Their python3 runs; blocks find what is changed in place."""
    place, refusing, log = test_deltas.tools(tmp_path / "tools"), tmp_path / "refusing.py", tmp_path / "log"
    refusing.write_text(REFUSING)
    (place / "python3").write_text(
        f'#!/bin/sh\n[ "$1 $2 $3" = "-I -S -c" ] || exit 9\nexport PROGRAM="$4"; shift 4\n'
        f'{sys.executable} -I -S -c \'import os; exec(open("{refusing}").read()); exec(os.environ["PROGRAM"])\' "$@" 2>>{log}\n'
    )
    (place / "python3").chmod(0o755)
    new = test_deltas.EDITS["a spot"](test_deltas.OLD)
    site.fill("m", {"big": new})
    site.fill("c", {"big": test_deltas.OLD}, mtime=1_500_000_000)
    sections = [f"[{name}]\n{more}{site.server(name, environment=f'PATH={place}').section(path=site.root(name))}" for name, more in (("m", ""), ("c", "parent = m\n"))]
    site.write("[DEFAULT]\nstable_for = 0\n" + "".join(sections))
    found = site.summary("--all")
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    assert found["by_name"]["c"]["bytes"]["moved"] <= test_deltas.MOST["dd alone"]["a spot"]
    assert "sha1 is not allowed here" in log.read_text(), "they were asked"


def test_a_shell_that_changes_the_account_gives_files_to_that_one(site: Site) -> None:
    require(os.geteuid() == 0, "root")
    require(bool(shutil.which("setpriv")), "setpriv")
    for place in (site.directory, *site.directory.parents):
        place.chmod(place.stat().st_mode | 0o011)
    shell = site.directory / "sh-as-app"
    shell.write_text('#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh "$@"\n')
    shell.chmod(0o755)
    os.chown(site.root("c"), 65534, 65534)
    site.fill("m", {"a": b"alpha", "d/b": b"beta", "big": os.urandom(3_000_000)})
    server = site.server("c")
    site.write(f"[DEFAULT]\nstable_for = 0\n[m]\ntransport = local\npath = {site.root('m')}\n[c]\nparent = m\nshell = {shell}\n{server.section(path=site.root('c'))}")
    assert site.cli("--all").returncode == 0
    site.same("m", "c")
    assert {os.stat(site.root("c") / name).st_uid for name in ("a", "d", "d/b", "big")} == {65534}
