"""The Ansible role, played for real: a controller with systemd, two hosts behind loopback servers, and an account beside the controller."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.containers import packages
from tests.containers.machine import Machine
from tests.containers.test_deb import debian
from tests.sshd import Sshd, require

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("SSHSYNC_FULL"), reason="plays of minutes: nightly"),
]

TOP = packages.CHECKOUT / "packaging" / "ansible"
PLACES = f"{packages.CHECKOUT / 'build' / 'ansible' / 'bin'}:{os.environ.get('PATH', '')}"
SSHD = "Port 22\nHostKey /etc/ssh/host\nAuthorizedKeysFile /root/admin .ssh/authorized_keys\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nPidFile /run/sshd.pid\n"
START = (
    "mkdir -p /etc/ssh /run/sshd /dat && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/host && useradd -U -m -s /bin/sh -p '*' app && chmod 600 /root/admin && "
    "echo 'Debug::NoLocking 1;' > /etc/apt/apt.conf.d/container && /usr/sbin/sshd -f /etc/ssh/sshd_config"
)


def tool(name: str) -> str:
    found = shutil.which(name, path=PLACES)
    require(bool(found), name)
    return str(found)


class Site:
    """The machines, their inventory, and plays of the role's own playbook."""

    def __init__(self, directory: Path, machine: Machine, package: Path, gateway: str) -> None:
        self.directory, self.machine = directory, machine
        self.hosts = {name: Sshd(directory, name, f"ListenAddress {gateway}") for name in ("repomaster", "repoproxy")}
        self.address = machine.run("hostname -i").stdout.strip()
        self.admin = self.hosts["repomaster"].key
        self.enter()
        (directory / "remote").mkdir(mode=0o700)
        (directory / "known").write_text("".join(f"{host.known}\n" for host in self.hosts.values()) + f"{self.address} {self.host_key}\n")
        self.variables = self.of_controller(package, gateway)

    def enter(self) -> None:
        """Let Ansible in: it has a key of its own on the controller, as on the hosts."""
        self.machine.put(self.admin.with_suffix(".pub"), "/root/admin")
        self.machine.run(f"mkdir -p /etc/ssh && cat > /etc/ssh/sshd_config <<'END'\n{SSHD}END\n{START}")
        self.host_key = " ".join(self.machine.run("cat /etc/ssh/host.pub").stdout.split()[:2])

    def of_controller(self, package: Path, gateway: str) -> dict:
        sections: dict = {"sshsync": {"plan.nightly": "--sync repoproxy --sync node"}, "DEFAULT": {"stable_for": 0}}
        for name, host in self.hosts.items():
            sections[name] = {"host": gateway, "port": host.port, "user": host.user, "path": str(self.directory / "dat" / name)}
        sections["repoproxy"]["parent"] = "repomaster"
        sections["node"] = {"host": "127.0.0.1", "user": "app", "path": "/dat/app", "parent": "repoproxy"}
        known = [host.known.replace("127.0.0.1", gateway) for host in self.hosts.values()]
        return {
            "sshsync_controller": True,
            "sshsync_package": str(package),
            "sshsync_configuration": sections,
            "sshsync_known_hosts": [*known, f"127.0.0.1 {self.host_key}"],
            "sshsync_on_calendar": "*-*-* 04:30:00",
            "sshsync_accounts": [{"name": "app", "from": "127.0.0.1", "roots": [{"path": "/dat/app", "mode": "0750"}]}],
        }

    def inventory(self) -> Path:
        file = self.directory / "inventory.yml"
        hosts = {}
        for name, host in self.hosts.items():
            account = {"name": host.user, "from": self.address, "authorized_keys": str(host.home / "authorized"), "roots": [{"path": str(self.directory / "dat" / name), "mode": "0751"}]}
            hosts[name] = {"ansible_host": "127.0.0.1", "ansible_port": host.port, "ansible_ssh_private_key_file": str(host.key), "ansible_remote_tmp": str(self.directory / "remote"), "sshsync_accounts": [account]}
        common = {"ansible_user": "root", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3.11"}
        common["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={self.directory / 'known'} -o ControlMaster=no"
        made = {
            "all": {"vars": common},
            "sshsync_controller": {"hosts": {"ops": {"ansible_host": self.address, "ansible_ssh_private_key_file": str(self.admin), **self.variables}}},
            "sshsync_hosts": {"hosts": hosts},
        }
        file.write_text(yaml.safe_dump(made))
        return file

    def play(self, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": PLACES, "HOME": str(self.directory), "ANSIBLE_HOME": str(self.directory / "ansible"), "ANSIBLE_PIPELINING": "1", "LC_ALL": "C.UTF-8"}
        command = [tool("ansible-playbook"), "-i", str(self.inventory()), "--diff", *words, str(TOP / "site.yml")]
        return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, env=environment, cwd=self.directory)

    def changes(self, *words: str) -> dict[str, int]:
        """Play without a failure, and return how much changed on each host."""
        done = self.play(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "PRIVATE KEY" not in done.stdout
        assert "WARNING" not in done.stderr, done.stderr
        return {host: int(count) for host, count in re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", done.stdout, re.MULTILINE)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Site]:
    tool("ansible-playbook")
    require(os.geteuid() == 0, "an account that may name the owner of a root")
    directory = tmp_path_factory.mktemp("site")
    machine = debian(directory, "ansibleops")
    found = subprocess.run(["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"], capture_output=True, text=True, check=True)
    made = None
    try:
        made = Site(directory, machine, packages.deb(built), found.stdout.strip() or "172.17.0.1")
        yield made
    finally:
        for host in made.hosts.values() if made else ():
            host.stop()
        machine.close()


def test_the_role_pleases_its_linter(tmp_path: Path) -> None:
    environment = {"PATH": PLACES, "HOME": str(tmp_path), "ANSIBLE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([tool("ansible-lint"), "--offline", "--profile", "production", "--project-dir", str(TOP)], capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=TOP)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run([tool("ansible-playbook"), "-i", "inventory.yml", "--list-hosts", "site.yml"], capture_output=True, text=True, check=True, env=environment, cwd=TOP)
    assert {"ops", "repomaster", "repoproxy", "appnode1"} <= set(listed.stdout.split())


def test_from_nothing_to_a_chain_that_a_second_play_leaves_alone(site: Site) -> None:
    before = {name: (host.home / "authorized").read_text() for name, host in site.hosts.items()}
    assert set(site.changes("--check")) == {"ops", "repomaster", "repoproxy"}
    assert before == {name: (host.home / "authorized").read_text() for name, host in site.hosts.items()}
    assert site.machine.run("ls /usr/bin/sshsync /etc/sshsync /var/lib/sshsync", check=False).stdout == ""

    assert min(site.changes().values()) > 0
    assert site.changes() == {"ops": 0, "repomaster": 0, "repoproxy": 0}
    assert site.changes("--check") == {"ops": 0, "repomaster": 0, "repoproxy": 0}

    owners = site.machine.run("stat -c '%a %U %G %n' /etc/sshsync/sshsync.conf /etc/sshsync/known_hosts /var/lib/sshsync/id_ed25519 /home/app/.ssh /home/app/.ssh/authorized_keys /dat/app").stdout
    assert owners.splitlines() == [
        "640 root sshsync /etc/sshsync/sshsync.conf",
        "640 root sshsync /etc/sshsync/known_hosts",
        "600 sshsync sshsync /var/lib/sshsync/id_ed25519",
        "700 app app /home/app/.ssh",
        "600 app app /home/app/.ssh/authorized_keys",
        "750 app app /dat/app",
    ]
    key = site.machine.run("cat /var/lib/sshsync/id_ed25519.pub").stdout.strip()
    assert site.machine.run("cat /home/app/.ssh/authorized_keys").stdout == f'restrict,from="127.0.0.1" {key}\n'
    for name, host in site.hosts.items():
        assert (host.home / "authorized").read_text() == before[name] + f'restrict,from="{site.address}" {key}\n'
        assert (site.directory / "dat" / name).stat().st_mode & 0o7777 == 0o751
    assert site.machine.run("systemctl is-enabled sshsync.timer; systemctl is-active sshsync.timer").stdout == "enabled\nactive\n"
    assert "04:30:00" in site.machine.run("systemctl show -p TimersCalendar sshsync.timer").stdout
    assert "03:00:00" not in site.machine.run("systemctl show -p TimersCalendar sshsync.timer").stdout


def test_what_the_timer_starts_brings_the_files(site: Site) -> None:
    site.changes()
    (site.directory / "dat" / "repomaster" / "one").write_text("one\n")
    done = site.machine.run("systemctl start sshsync.service; systemctl show -p Result sshsync.service", check=False)
    assert done.stdout == "Result=success\n", site.machine.run("journalctl --no-pager -u sshsync.service").stdout
    assert site.machine.run("cat /dat/app/one").stdout == "one\n"


def test_the_key_opens_nothing_from_elsewhere(site: Site) -> None:
    site.changes()
    key = site.directory / "stolen"
    key.write_text(site.machine.run("cat /var/lib/sshsync/id_ed25519").stdout)
    key.chmod(0o600)
    host = site.hosts["repoproxy"]
    login = ["ssh", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={site.directory / 'known'}", "-p", str(host.port), f"{host.user}@127.0.0.1", "true"]
    assert "Permission denied" in subprocess.run(login, capture_output=True, text=True, timeout=60, check=False).stderr


def test_a_line_that_allows_more_is_replaced_and_others_stay(site: Site) -> None:
    site.changes()
    file = site.hosts["repoproxy"].home / "authorized"
    right = file.read_text()
    ours = right.splitlines()[-1]
    file.write_text(f"{ours.partition(' ')[2]}\n# kept\n{right}")
    assert site.changes()["repoproxy"] == 1
    assert file.read_text() == f"# kept\n{right}"


def test_a_configuration_that_is_wrong_is_never_put_in_place(site: Site) -> None:
    site.changes()
    before = site.machine.run("cat /etc/sshsync/sshsync.conf").stdout
    section = site.variables["sshsync_configuration"]["node"]
    section["parnt"] = "repoproxy"
    try:
        done = site.play()
    finally:
        del section["parnt"]
    assert done.returncode != 0
    assert "parnt" in done.stdout
    assert "did you mean" in done.stdout or "parent" in done.stdout
    assert site.machine.run("cat /etc/sshsync/sshsync.conf; ls /etc/sshsync").stdout == f"{before}known_hosts\nsshsync.conf\n"


def test_a_mode_that_yaml_made_a_number_is_refused(site: Site) -> None:
    section = site.variables["sshsync_configuration"]["node"]
    section["file_mode"] = 0o640
    try:
        done = site.play()
    finally:
        del section["file_mode"]
    assert done.returncode != 0
    assert "quotes" in done.stdout


def test_nothing_is_written_through_a_link_that_an_account_made(site: Site) -> None:
    site.changes()
    site.machine.run("rm /home/app/.ssh/authorized_keys; echo secret > /etc/canary; ln -s /etc/canary /home/app/.ssh/authorized_keys")
    done = site.play()
    assert done.returncode != 0
    assert "link" in done.stdout
    assert site.machine.run("cat /etc/canary; stat -c %U /etc/canary").stdout == "secret\nroot\n"
    site.machine.run("rm /home/app/.ssh/authorized_keys")
    assert site.changes()["ops"] == 1
