"""Packages of a whole host, not of a root below it: a machine with systemd and sshd whose own dnf, rpm and services they are."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.machine import Machine
from tests.integration import rpms
from tests.integration.conftest import Site
from tests.integration.rpms import built
from tests.values import FULL

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MODULES = "usr/lib/python3/dist-packages"
IN_A_CONTAINER = {
    "int(os.stat('/proc/1').st_mtime)": "next(int(line.split()[1]) for line in open('/proc/stat') if line.startswith('btime'))",
    "line.find('00:') >= 0": "False",
}
"""What dnf's plugin takes for granted is not so in a container: that process 1 began with the system, and that files lie on a disk of their own."""


class Host:
    """A machine of rpm packages, and what the repositories of both of them hold."""

    def __init__(self, site: Site, directory: Path, machine: Machine) -> None:
        self.site = site
        self.machine = machine
        self._repository = directory / "repo"
        self._root = directory / "app0"
        key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        machine.run("mkdir -p /root/.ssh /etc/dnf /etc/yum.repos.d /run/sshd /var/cache/dnf /srv; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh_key")
        machine.put(key.with_suffix(".pub"), "/root/.ssh/authorized_keys")
        # Where every system but Debian has them; there each account has records of its own.
        machine.run("echo '%_dbpath /var/lib/rpm' > /root/.rpmmacros; rpm --initdb")
        machine.run("printf '[main]\\ngpgcheck=0\\nmetadata_expire=0\\npluginpath=/srv/plugins\\n' > /etc/dnf/dnf.conf")
        machine.run("printf '[test]\\nname=test\\nbaseurl=file:///srv/repo\\n' > /etc/yum.repos.d/test.repo")
        machine.run("/usr/sbin/sshd -f /dev/null -p 2222 -h /etc/ssh_key -o PermitRootLogin=yes -o UsePAM=no")
        address = machine.run("hostname -I").stdout.split()[0]
        home = rpms.at_home(directory / "home")
        here = site.server("app0", environment=f"HOME={home}").section(type="rpm", path=self._root)
        pin = " ".join(machine.run("cat /etc/ssh_key.pub").stdout.split()[:2])
        there = f"host = {address}\nport = 2222\nuser = root\nkey_file = {key}\nhost_key = {pin}\ntype = rpm\nparent = app0\ndelete = yes\n"
        site.write(f"[app0]\n{here}[app1]\n{there}")

    def has(self, *packages: Path) -> None:
        """Have both repositories hold packages."""
        rpms.repository(self._repository, *packages)
        self.brings(self._repository, "/srv")

    def model(self, *packages: Path) -> None:
        """Have the parent carry packages."""
        rpms.root(self._root, self._repository, *packages)

    def carries(self, *packages: Path) -> None:
        """Have the machine carry packages."""
        for one in packages:
            self.machine.put(one, f"/root/{one.name}")
        self.machine.run("rpm -i " + " ".join(f"/root/{one.name}" for one in packages))

    def brings(self, place: Path, to: str) -> None:
        """Copy a directory into the machine."""
        packed = place.with_suffix(".tar")
        subprocess.run(["tar", "-C", str(place.parent), "-cf", str(packed), place.name], check=True)
        self.machine.put(packed, "/root/brought.tar")
        self.machine.run(f"tar -C {to} -xf /root/brought.tar")

    def listed(self) -> dict[str, str]:
        """Return what the machine carries, as its rpm tells it."""
        lines = self.machine.run("rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n'").stdout.splitlines()
        return dict(line.split() for line in lines)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    rpms.top()
    layer, top = tmp_path / "layer", tmp_path / "site"
    layer.mkdir()
    top.mkdir()
    site, machine = Site(top), Machine(layer, "apphost")
    try:
        yield Host(site, tmp_path, machine)
    finally:
        machine.close()
        site.close()


def server(version: str) -> Path:
    """Return a package with a program that a service can be."""
    body = f"mkdir -p %{{buildroot}}/opt/served\ncp {shutil.which('busybox')} %{{buildroot}}/opt/served/sleep\necho {version} > %{{buildroot}}/opt/served/version\n"
    return built("served", version, body=body, files="/opt/served")


def test_a_whole_host_is_made_like_another_and_goes_back(host: Host) -> None:
    """It takes what differs and lets go of what is too much; what is none of rpm's business stays as it is."""
    idna, old, own = built("idna", "2.10-7"), built("idna", "3.4-1"), built("own", "1-1")
    host.has(idna, old, own, server("2-1"), server("1-1"))
    host.model(idna, server("2-1"))
    host.carries(old, own, server("1-1"))
    host.machine.run("touch /opt/mine")
    drifted = host.site.cli("drift", "app1", "--against", "app0")
    assert drifted.returncode == 11, drifted.stdout + drifted.stderr
    done = host.site.cli("--sync", "app1", "--max-delete", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.listed() == {"idna": "2.10-7", "served": "2-1"}
    assert host.site.summary("--sync", "app1")["by_name"]["app1"]["outcome"] == "unchanged"
    back = host.site.cli("rollback", "app1")
    assert back.returncode == 0, back.stdout + back.stderr
    assert host.listed() == {"idna": "3.4-1", "own": "1-1", "served": "1-1"}
    host.machine.run("test -e /opt/mine")


@pytest.mark.skipif(not FULL, reason="fetches a plugin of dnf: nightly")
def test_what_still_uses_what_was_replaced_is_told(host: Host, tmp_path: Path) -> None:
    """A service that runs the old program, and what a system reads as it starts."""
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    subprocess.run(["apt-get", "download", "-q", "dnf-plugins-core"], cwd=plugin, check=True, capture_output=True)
    subprocess.run(["dpkg-deb", "-x", next(plugin.glob("*.deb")), plugin], check=True)
    brought = tmp_path / "plugins"
    shutil.copytree(plugin / MODULES / "dnfpluginscore", brought / "dnfpluginscore")
    text = (plugin / MODULES / "dnf-plugins/needs_restarting.py").read_text()
    for words, instead in IN_A_CONTAINER.items():
        assert words in text
        text = text.replace(words, instead)
    (brought / "needs_restarting.py").write_text(text)
    host.brings(brought, "/srv")
    host.machine.run(f"cp -R /srv/plugins/dnfpluginscore /{MODULES}")
    firmware = built("linux-firmware", "2-1")
    host.has(server("2-1"), server("1-1"), firmware)
    host.model(server("2-1"), firmware)
    host.carries(server("1-1"))
    host.machine.run("systemd-run --unit=served /opt/served/sleep 1000")
    done = host.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "app1: note: the host is to be started anew (dnf needs-restarting -r)" in done.stdout
    assert "app1: note: to be started anew, for they use what was replaced: served.service" in done.stdout
