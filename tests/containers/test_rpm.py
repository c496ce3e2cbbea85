"""The packages as operators get them: built, checked, installed, run, upgraded and erased on a real machine."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import packages
from tests.containers.conftest import Chain
from tests.containers.machine import Machine
from tests.sshd import require
from tests.values import FULL

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CHAIN = """
[sshsync]
state_dir = /var/lib/sshsync
log_file = /var/log/sshsync/sshsync.log
plan.nightly = --sync repoproxy --sync appnode1,appnode2
[DEFAULT]
stable_for = 0
key_file = /var/lib/sshsync/id_rsa
[repomaster]
host = repomaster
user = repoowner
path = /dat/packaged
via = repoproxy
[repoproxy]
host = repoproxy
user = proxyrunner
path = /dat/packaged
parent = repomaster
[appnode1]
host = appnode1
user = appuser
path = /dat/packaged
parent = repoproxy
via = repoproxy
[appnode2]
host = appnode2
user = appuser
path = /dat/packaged
parent = repoproxy
via = repoproxy
"""


@pytest.fixture
def machine(tmp_path: Path, built: Path) -> Iterator[Machine]:
    made = Machine(tmp_path, "opshost")
    made.put(packages.rpm(built), "/root/sshsync.rpm")
    made.run("rpm -i --nodeps /root/sshsync.rpm")
    yield made
    made.close()


def test_rpmlint_finds_nothing(built: Path) -> None:
    require(bool(shutil.which("rpmlint")), "rpmlint")
    done = subprocess.run(["rpmlint", "-c", "packaging/rpm/rpmlint.toml", *map(str, built.glob("*.rpm"))], cwd=packages.CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 errors, 0 warnings" in done.stdout, done.stdout


def test_what_is_bundled_is_said_and_locked(built: Path) -> None:
    provides = subprocess.run(["rpm", "-qp", "--provides", str(packages.rpm(built))], capture_output=True, text=True, check=True).stdout
    lock = (packages.CHECKOUT / "packaging/requirements.txt").read_text()
    locked = {line.split(" ")[0] for line in lock.splitlines() if "==" in line}
    assert locked == {line.replace("bundled(python3dist(", "").replace(")) = ", "==") for line in provides.splitlines() if line.startswith("bundled")}
    assert lock.count("--hash=sha256:") >= len(locked)
    files = subprocess.run(["rpm", "-qlp", str(packages.rpm(built))], capture_output=True, text=True, check=True).stdout
    for name in locked:
        assert f"/usr/share/licenses/sshsync/{name.split('==')[0].replace('-', '_')}/" in files, name


@pytest.mark.skipif(not FULL, reason="builds everything once more: nightly")
def test_the_source_package_can_be_built_anew_without_the_script(built: Path, tmp_path: Path) -> None:
    source = next(built.glob("*.src.rpm"))
    words = ["rpmbuild", "--rebuild", "--quiet", "--nodeps", "--define", f"_topdir {tmp_path}", "--define", f"installer {sys.executable} -m pip"]
    done = subprocess.run([*words, str(source)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    listed = [
        subprocess.run(["rpm", "-qp", "--qf", "%{NVR}\\n[%{FILENAMES} %{FILEDIGESTS}\\n]", str(file)], capture_output=True, text=True, check=True).stdout
        for file in (packages.rpm(built), next(tmp_path.glob("RPMS/*/*.rpm")))
    ]
    assert listed[0] == listed[1], "the same content, byte by byte"


def test_installed_it_is_complete_and_owned_by_who_may_see_it(machine: Machine) -> None:
    assert machine.run("rpm -V --nodeps sshsync").stdout == ""
    owners = machine.run("stat -c '%a %U %G %n' /etc/sshsync /etc/sshsync/sshsync.conf /var/lib/sshsync /var/log/sshsync").stdout
    assert owners.splitlines() == [
        "750 root sshsync /etc/sshsync",
        "640 root sshsync /etc/sshsync/sshsync.conf",
        "700 sshsync sshsync /var/lib/sshsync",
        "750 sshsync sshsync /var/log/sshsync",
    ]
    assert machine.run("systemctl is-enabled sshsync.timer", check=False).stdout.strip() == "disabled", "presets and people decide"
    fresh = machine.run("sshsync config check", check=False)
    assert fresh.returncode == 3
    assert "no repository is configured" in fresh.stderr
    # Nothing of the host's own modules is taken, whatever the environment says, and root leaves nothing behind.
    machine.run("PYTHONPATH=/nonexistent PYTHONHOME=/nonexistent sshsync --version")
    assert machine.run("rpm -V --nodeps sshsync; find /usr/lib/sshsync -newer /root/sshsync.rpm -type f -name '*.pyc' | xargs -r rpm -qf | grep -v ^sshsync-", check=False).stdout == ""
    assert machine.run("ls /usr/share/man/man1/sshsync.1.gz /usr/share/man/man5/sshsync.conf.5.gz /usr/share/man/man7/sshsync-cookbook.7.gz")
    assert machine.run("grep -c 'From zero to a nightly chain' /usr/share/doc/sshsync-*/html/tutorial.html").stdout.strip() != "0"
    assert "complete -o nosort -F _sshsync_completion sshsync" in machine.run("cat /usr/share/bash-completion/completions/sshsync").stdout


def test_called_by_root_it_goes_on_as_the_service(machine: Machine) -> None:
    machine.run("printf '[m]\\ntransport = local\\npath = /srv\\n[c]\\ntransport = local\\npath = /var/lib/sshsync/c\\nparent = m\\n' >> /etc/sshsync/sshsync.conf; mkdir /srv; echo x > /srv/x; touch -d 2020-01-01 /srv/x")
    assert "no run is on record yet" in machine.run("sshsync status", check=False).stdout
    assert "in sync" in machine.run("sshsync --all").stdout
    owners = machine.run("stat -c %U /var/lib/sshsync/journal.sqlite /var/lib/sshsync/lock /var/lib/sshsync/c/x /var/log/sshsync/sshsync.log").stdout
    assert set(owners.split()) == {"sshsync"}
    # What the service may not read is no configuration for it; another account is told whose the state is.
    machine.run("install -m 600 /etc/sshsync/sshsync.conf /root/secret.conf")
    refused = machine.run("sshsync -c /root/secret.conf status", check=False)
    assert refused.returncode == 3
    assert "Permission denied (let the account sshsync read it: chgrp sshsync /root/secret.conf; chmod 640 /root/secret.conf)" in refused.stderr
    machine.run("useradd -m other; install -o other -m 600 /etc/sshsync/sshsync.conf /home/other/own.conf")
    refused = machine.run("runuser -u other -- sshsync -c /home/other/own.conf status", check=False)
    assert refused.returncode == 6
    assert "belongs to another account (run it as that one (runuser -u sshsync -- sshsync ...)" in refused.stderr


def test_the_installed_command_brings_a_chain_in_sync(machine: Machine, chain: Chain) -> None:
    """Controller, master, proxy and nodes are containers of their own; the controller reaches the proxy alone."""
    chain.docker("network", "connect", "sshsync-test_edge", machine.name)
    machine.put(chain.key, "/var/lib/sshsync/id_rsa")
    machine.run(f"cat > /etc/sshsync/sshsync.conf <<'END'\n{CHAIN}END\nchown sshsync /var/lib/sshsync/id_rsa; chmod 600 /var/lib/sshsync/id_rsa")
    chain.run("repomaster", "mkdir -p /dat/packaged/d; head -c 3000000 /dev/urandom > /dat/packaged/big; for i in 1 2 3; do echo $i > /dat/packaged/d/$i; done; touch -d 202001010000 /dat/packaged/big /dat/packaged/d/*", "repoowner")
    machine.run("sshsync hosts trust --yes repoproxy repomaster appnode1 appnode2")
    checked = machine.run("sshsync hosts check").stdout
    assert checked.count("to be made") == 3, checked
    done = machine.run("sshsync --plan nightly")
    assert "everything is in sync" in done.stdout
    same = {name: chain.digests(name, "/dat/packaged") for name in ("repomaster", "repoproxy", "appnode1", "appnode2")}
    assert len(same["repomaster"]) == 4
    assert all(found == same["repomaster"] for found in same.values())
    # As the service, and the log goes on in a new file after it was rotated.
    machine.run("systemctl start sshsync.service")
    machine.run("logrotate -s /root/rotated -f /etc/logrotate.d/sshsync && systemctl start sshsync.service")
    assert machine.run("stat -c '%a %U' /var/log/sshsync/sshsync.log").stdout == "600 sshsync\n"
    assert machine.run("grep -c 'run finished' /var/log/sshsync/sshsync.log").stdout == "1\n"
    assert machine.run("grep -c 'run finished' /var/log/sshsync/sshsync.log.1").stdout == "2\n"


def test_names_complete_in_the_shells_of_operators(machine: Machine) -> None:
    machine.run(f"cat > /etc/sshsync/sshsync.conf <<'END'\n{CHAIN}END")
    bash = machine.run("bash -c '. /usr/share/bash-completion/completions/sshsync; COMP_WORDS=(sshsync --sync appnode1,app); COMP_CWORD=2; _sshsync_completion sshsync; echo ${COMPREPLY[@]}'")
    assert bash.stdout.split() == ["appnode1,appnode2"]
    fish = machine.run("HOME=/root fish -c 'complete -C \"sshsync --plan n\"'")
    assert fish.stdout.split() == ["nightly"]
    zsh = machine.run(
        "zsh -fc 'fpath=(/usr/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u; compadd() { shift; }; "
        "_describe() { print -rl -- ${(P)3} }; words=(sshsync re); CURRENT=2; autoload +X _sshsync; source /usr/share/zsh/site-functions/_sshsync; _sshsync_completion'"
    )
    assert [line.split(":")[0] for line in zsh.stdout.split("\n") if line.startswith("re")] == ["resume", "report", "restore"]


def test_upgrade_and_erase_keep_what_operators_wrote(machine: Machine, later: Path) -> None:
    machine.put(packages.rpm(later), "/root/later.rpm")
    machine.run("echo '# mine' >> /etc/sshsync/sshsync.conf; touch /var/lib/sshsync/mine; systemctl enable --now sshsync.timer")
    machine.run("rpm -U --nodeps /root/later.rpm")
    assert "0.1.1" in machine.run("sshsync --version").stdout
    assert machine.run("tail -1 /etc/sshsync/sshsync.conf; tail -1 /etc/sshsync/sshsync.conf.rpmnew").stdout == "# mine\n# a new default\n"
    assert machine.run("systemctl is-enabled sshsync.timer; systemctl is-active sshsync.timer").stdout == "enabled\nactive\n"
    assert machine.run("rpm -V --nodeps sshsync", check=False).stdout.split() == ["S.5....T.", "c", "/etc/sshsync/sshsync.conf"]
    machine.run("rpm -e sshsync")
    assert machine.run("tail -1 /etc/sshsync/sshsync.conf.rpmsave").stdout == "# mine\n"
    assert machine.run("systemctl is-active sshsync.timer", check=False).stdout == "inactive\n"
    assert machine.run("ls -A /usr/lib/sshsync /usr/bin/sshsync /usr/lib/systemd/system/sshsync*", check=False).stdout == ""
    assert machine.run("ls /var/lib/sshsync").stdout == "mine\n"


@pytest.mark.skipif(not FULL, reason="makes environments for a minute: nightly")
def test_wheel_and_sdist_work_where_nothing_else_is(built: Path, tmp_path: Path) -> None:
    """The wheel is installed into a fresh environment and shows the demonstration; the sdist gives the same wheel."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    wheel, sdist = next(built.glob("*.whl")), next(built.glob("*.tar.gz"))
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)], check=True, capture_output=True)
    shown = subprocess.run([str(tmp_path / "venv/bin/sshsync"), "demo"], capture_output=True, text=True, timeout=150, check=False, cwd=tmp_path)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    subprocess.run(["tar", "-C", str(tmp_path), "-xzf", str(sdist)], check=True)
    subprocess.run([str(python), "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", str(tmp_path), str(next(tmp_path.glob("sshsync-*/")))], check=True, capture_output=True)
    names = [sorted(zipfile.ZipFile(file).namelist()) for file in (wheel, tmp_path / wheel.name)]
    assert names[0] == names[1]
    rooms = {"sshsync/remote/scripts": ("*/*.sh", "*/*.pl"), "sshsync/kinds": ("programs/*.sh", "programs/*.py")}
    programs = [str(file.relative_to(packages.CHECKOUT)) for room, patterns in rooms.items() for pattern in patterns for file in (packages.CHECKOUT / room).glob(pattern)]
    assert programs
    assert {"sshsync/py.typed", *programs} <= set(names[0])
