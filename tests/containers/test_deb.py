"""The Debian package as operators get it: checked, installed by apt, run, upgraded, removed and purged on a real machine."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import packages
from tests.containers.machine import Machine
from tests.sshd import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

# What makes the machine a Debian for apt: the data base of what is installed in its /usr. No archive is asked.
DEBIAN = ("var/lib/dpkg/status", "var/lib/dpkg/info", "var/lib/dpkg/diversions", "var/lib/dpkg/triggers", "etc/dpkg", "etc/alternatives", "etc/debian_version")
# A container's own rule would keep packages from stopping services.
READY = (
    "rm -f /usr/sbin/policy-rc.d; "
    "mkdir -p /var/lib/dpkg/updates /var/lib/dpkg/parts /var/lib/apt/lists/partial /var/cache/apt/archives/partial /var/log/apt /etc/apt/apt.conf.d /etc/apt/preferences.d /etc/apt/sources.list.d; "
    "touch /var/lib/dpkg/available /var/lib/dpkg/statoverride"
)
APT = "DEBIAN_FRONTEND=noninteractive apt-get -y -o Debug::NoLocking=1"
LOCAL = "[m]\ntransport = local\npath = /srv/m\n[c]\ntransport = local\npath = /var/lib/sshsync/c\nparent = m\n"
FILES = "mkdir -p /srv/m/d && echo one > /srv/m/one && echo two > /srv/m/d/two && touch -d 2020-01-01 /srv/m/one /srv/m/d/two"


def debian(layer: Path, name: str) -> Machine:
    """Return a machine that apt and dpkg take for the Debian that it is."""
    require(Path("/usr/bin/apt-get").exists() and Path("/var/lib/dpkg/status").exists(), "a Debian with apt")
    made = Machine(layer, name)
    packed = layer / "debian.tar"
    subprocess.run(["tar", "-C", "/", "-cf", str(packed), *DEBIAN], check=True)
    made.put(packed, "/root/debian.tar")
    made.run(f"tar -C / -xf /root/debian.tar; {READY}")
    return made


@pytest.fixture
def machine(tmp_path: Path, built: Path) -> Iterator[Machine]:
    made = debian(tmp_path, "debhost")
    try:
        made.put(packages.deb(built), "/root/sshsync.deb")
        made.run(f"{APT} install /root/sshsync.deb")
        yield made
    finally:
        made.close()


def test_lintian_finds_nothing(built: Path) -> None:
    require(bool(shutil.which("lintian")), "lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on=error,warning", str(packages.deb(built))], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))] == []


def test_it_has_what_the_rpm_has(built: Path) -> None:
    """The same files with the same content; names differ only where the systems have other places."""
    listed = subprocess.run(["rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:octal}\\n]", str(packages.rpm(built))], capture_output=True, text=True, check=True).stdout
    of_rpm = {line.split(" ")[0] for line in listed.splitlines() if line.split(" ")[1].startswith("10")}
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(packages.deb(built))], capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "-tf", "-"], input=packed, capture_output=True, check=True).stdout.decode().splitlines()
    of_deb = {name[1:] for name in names if not name.endswith("/")}

    def here(name: str) -> str:
        for theirs, ours in (("/usr/share/licenses/sshsync/", "/usr/share/doc/sshsync/licences/"), ("/usr/share/zsh/site-functions/", "/usr/share/zsh/vendor-completions/"), ("/usr/share/doc/sshsync-0.1.0/", "/usr/share/doc/sshsync/"), ("/usr/share/doc/sshsync/CHANGELOG.md", "/usr/share/doc/sshsync/changelog.gz")):
            name = name.replace(theirs, ours)
        return name

    own = {"/usr/share/doc/sshsync/copyright", "/usr/share/doc/sshsync/changelog.Debian.gz", "/usr/share/lintian/overrides/sshsync"}
    assert {here(name) for name in of_rpm} ^ of_deb == own
    assert len(of_deb) > 1000


def test_installed_it_is_complete_and_owned_by_who_may_see_it(machine: Machine) -> None:
    assert machine.run("dpkg --verify sshsync; dpkg -s sshsync | grep ^Status").stdout == "Status: install ok installed\n"
    owners = machine.run("stat -c '%a %U %G %n' /etc/sshsync /etc/sshsync/sshsync.conf /var/lib/sshsync /var/log/sshsync").stdout
    assert owners.splitlines() == [
        "750 root sshsync /etc/sshsync",
        "640 root sshsync /etc/sshsync/sshsync.conf",
        "700 sshsync sshsync /var/lib/sshsync",
        "750 sshsync sshsync /var/log/sshsync",
    ]
    assert machine.run("getent passwd sshsync | cut -d: -f6,7").stdout == "/var/lib/sshsync:/usr/sbin/nologin\n"
    assert machine.run("sshsync --version").stdout == "sshsync, version 0.1.0\n"
    machine.run("PYTHONPATH=/nonexistent PYTHONHOME=/nonexistent sshsync --version")
    assert "no repository is configured" in machine.run("sshsync config check", check=False).stderr
    enabled = machine.run("systemctl is-enabled sshsync.timer sshsync-watch.service sshsync-weekly.timer", check=False).stdout
    assert enabled.split() == ["disabled"] * 3, "presets and people decide"
    assert machine.run("systemd-analyze verify --man=no sshsync.service sshsync-watch.service sshsync-weekly.timer sshsync@weekly.timer 2>&1 | grep sshsync", check=False).stdout == ""
    machine.run("ls /usr/share/man/man1/sshsync.1.gz /usr/share/man/man5/sshsync.conf.5.gz /usr/share/man/man7/sshsync-cookbook.7.gz")
    machine.run("grep -q 'From zero to a nightly chain' /usr/share/doc/sshsync/html/tutorial.html")
    bash = machine.run("bash -c '. /usr/share/bash-completion/completions/sshsync; COMP_WORDS=(sshsync conf); COMP_CWORD=1; _sshsync_completion sshsync; echo ${COMPREPLY[@]}'")
    assert bash.stdout.split() == ["config"]
    machine.run("touch /var/log/sshsync/a.log; logrotate -s /root/rotated -d /etc/logrotate.d/sshsync")


def test_the_service_brings_repositories_in_sync(machine: Machine) -> None:
    machine.run(f"cat > /etc/sshsync/sshsync.conf <<'END'\n[sshsync]\nstate_dir = /var/lib/sshsync\nplan.nightly = --sync c\n[DEFAULT]\nstable_for = 0\n{LOCAL}END\n{FILES}")
    done = machine.run("systemctl start sshsync.service; systemctl show -p Result sshsync.service", check=False)
    assert done.stdout == "Result=success\n", machine.run("journalctl --no-pager -u sshsync.service").stdout
    machine.run("cmp /srv/m/one /var/lib/sshsync/c/one && cmp /srv/m/d/two /var/lib/sshsync/c/d/two")
    assert machine.run("stat -c %U /var/lib/sshsync/journal.sqlite").stdout == "sshsync\n"


def test_upgrade_remove_and_purge_keep_what_cannot_be_had_again(machine: Machine, later: Path) -> None:
    machine.put(packages.deb(later), "/root/later.deb")
    machine.run("echo '# mine' >> /etc/sshsync/sshsync.conf; touch /var/lib/sshsync/id_ed25519 /var/log/sshsync/sshsync.log; systemctl enable --now sshsync.timer")
    machine.run("dpkg-statoverride --update --add root root 0700 /etc/sshsync")
    # As unattended upgrades do; a person is asked, and keeps it by default.
    machine.run(f"{APT} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install /root/later.deb")
    assert machine.run("sshsync --version", check=False).stdout == "sshsync, version 0.1.1\n"
    assert machine.run("tail -1 /etc/sshsync/sshsync.conf; tail -1 /etc/sshsync/sshsync.conf.dpkg-dist").stdout == "# mine\n# a new default\n"
    assert machine.run("stat -c '%a %U %G' /etc/sshsync/sshsync.conf /etc/sshsync").stdout == "640 root sshsync\n700 root root\n", "what an operator decided stays"
    assert machine.run("systemctl is-enabled sshsync.timer; systemctl is-active sshsync.timer").stdout == "enabled\nactive\n"
    machine.run(f"{APT} remove sshsync")
    assert machine.run("tail -1 /etc/sshsync/sshsync.conf").stdout == "# mine\n"
    assert machine.run("systemctl is-active sshsync.timer", check=False).stdout == "inactive\n"
    assert machine.run("ls -A /usr/lib/sshsync /usr/bin/sshsync /usr/lib/systemd/system/sshsync*", check=False).stdout == ""
    machine.run(f"{APT} install /root/later.deb")
    assert machine.run("systemctl is-enabled sshsync.timer; tail -1 /etc/sshsync/sshsync.conf").stdout == "enabled\n# mine\n"
    purged = machine.run(f"{APT} purge sshsync 2>&1").stdout
    assert "keys, known hosts and journal stay in /var/lib/sshsync" in purged
    assert machine.run("ls /etc/sshsync /var/log/sshsync /etc/systemd/system/timers.target.wants/sshsync.timer", check=False).stdout == ""
    assert machine.run("stat -c '%U %n' /var/lib/sshsync/id_ed25519").stdout == "root /var/lib/sshsync/id_ed25519\n"
    assert machine.run("dpkg -s sshsync", check=False).returncode != 0
