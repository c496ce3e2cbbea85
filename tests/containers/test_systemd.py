"""The shipped units on a real systemd: the hardened service synchronizes a local repository and one over SSH."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers import images
from tests.sshd import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

UNITS = Path(__file__).parents[2] / "systemd"
CHECKOUT = Path(__file__).parents[2]
SITE = Path(pytest.__file__).parents[1]
IMAGE = "sshsync-test/systemd"
CONFIG = """[sshsync]
plan.nightly = --sync c --sync n
plan.weekly = --sync c
log_file = /var/log/sshsync/sshsync.log
status_file = /run/sshsync/status.json
[DEFAULT]
stable_for = 0
[m]
transport = local
path = /dat/m
[c]
transport = local
path = /dat/c
parent = m
[n]
host = 127.0.0.1
port = 2222
key_file = /var/lib/sshsync/id
known_hosts = /etc/sshsync/known_hosts
path = /dat/n
parent = c
"""
# Only the program's place differs from an installed one; local repositories get their paths as the unit's comment says.
DROP_IN = """[Service]
ExecStart=
ExecStart=/usr/bin/python3 -m sshsync --quiet --plan PLAN
Environment=PYTHONPATH=/opt/site:/opt/checkout PYTHONDONTWRITEBYTECODE=1
ReadWritePaths=/dat
"""
SET_UP = """set -e
mkdir -p /dat/m /dat/c /dat/n /etc/k /run/sshd
echo hello > /dat/m/a; head -c 3000000 /dev/urandom > /dat/m/big; touch -d 2020-01-01 /dat/m/*
ssh-keygen -q -t ed25519 -N '' -f /etc/k/host; ssh-keygen -q -t ed25519 -N '' -f /var/lib/sshsync/id
cp /var/lib/sshsync/id.pub /etc/k/auth
chown -R sshsync /dat /var/lib/sshsync
printf 'Port 2222\\nHostKey /etc/k/host\\nAuthorizedKeysFile /etc/k/auth\\nStrictModes no\\nUsePAM no\\nPidFile /run/sshd.pid\\n' > /etc/k/conf
/usr/sbin/sshd -f /etc/k/conf
echo "[127.0.0.1]:2222 $(cut -d' ' -f1,2 /etc/k/host.pub)" > /etc/sshsync/known_hosts
chown -R root:sshsync /etc/sshsync; chmod 750 /etc/sshsync; chmod 640 /etc/sshsync/*
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Callable[..., "subprocess.CompletedProcess[str]"]]:
    """A container with systemd as its first process and this machine's programs; gives a way to run scripts in it."""
    require(bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode, "a Docker engine that answers")
    require(Path("/lib/systemd/systemd").exists(), "systemd")
    version = subprocess.run(["/usr/bin/python3", "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False)
    require(version.stdout.split() == [str(part) for part in sys.version_info[:2]], "a system Python of this version")
    root = images.Root()
    for directory in ("etc/systemd/system", "var/lib/sshsync", "var/log", "run", "tmp", "proc", "sys", "dev", "usr", "root", "home", "dat", "opt"):
        root.directory(directory)
    for link in ("bin", "sbin", "lib", "lib64"):
        root.link(link, f"usr/{link}")
    for masked in ("systemd-networkd-wait-online", "systemd-firstboot"):
        root.link(f"etc/systemd/system/{masked}.service", "/dev/null")
    root.text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\nsshsync:x:990:990::/var/lib/sshsync:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    root.text("/etc/group", "root:x:0:\nsshsync:x:990:\nnogroup:x:65534:\n")
    root.text("/etc/shadow", "sshsync:*:19000:0:99999:7:::\n", 0o600)
    root.text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    root.text("/etc/machine-id", "uninitialized\n")
    root.text("/etc/sshsync/sshsync.conf", CONFIG)
    for unit in UNITS.iterdir():
        root.text(f"/etc/systemd/system/{unit.name}", unit.read_text())
    for name, plan in (("sshsync.service", "nightly"), ("sshsync@weekly.service", "weekly")):
        root.text(f"/etc/systemd/system/{name}.d/place.conf", DROP_IN.replace("PLAN", plan))
    root.image(IMAGE, "#!/bin/sh\nexec /lib/systemd/systemd --system --unit=basic.target\n")
    # The checkout may lie in a home or in /tmp, which the unit does not get to see.
    places = {"/usr": "/usr", str(CHECKOUT): "/opt/checkout", str(SITE): "/opt/site"}
    mounts = [word for path, place in places.items() for word in ("-v", f"{path}:{place}:ro")]
    start = ["docker", "run", "-d", "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
    started = subprocess.run(
        [*start, "--tmpfs", "/run", "--tmpfs", "/tmp", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", *mounts, IMAGE], capture_output=True, text=True, check=True
    )
    name = started.stdout.strip()

    def run(script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["docker", "exec", name, "sh", "-c", script], capture_output=True, text=True, timeout=120, check=False)

    until = time.monotonic() + 30
    while run("systemctl is-active basic.target").stdout.strip() != "active":
        assert time.monotonic() < until, run("systemctl list-jobs; systemctl --failed").stdout
        time.sleep(0.2)
    done = run(SET_UP)
    assert done.returncode == 0, done.stderr
    yield run
    subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=True)


def test_the_hardened_service_synchronizes_local_and_remote_repositories(host) -> None:
    done = host("systemctl start sshsync.service; systemctl show -p Result -p ExecMainStatus sshsync.service")
    assert "Result=success" in done.stdout, done.stdout + done.stderr + host("journalctl --no-pager -u sshsync.service").stdout
    assert "ExecMainStatus=0" in done.stdout
    same = host("cd /dat/m && for f in *; do cmp $f ../c/$f && cmp $f ../n/$f || exit 1; done; stat -c %a /var/lib/sshsync /var/log/sshsync /etc/sshsync")
    assert same.returncode == 0, same.stdout
    assert same.stdout.split() == ["700", "750", "750"]
    assert host("cat /run/sshsync/status.json").stdout.count('"outcome": "done"') == 3


def test_an_instance_runs_the_plan_that_it_names(host) -> None:
    host("echo more > /dat/m/more; touch -d 2020-01-01 /dat/m/more; chown sshsync /dat/m/more")
    done = host("systemctl start sshsync@weekly.service; systemctl show -p Result sshsync@weekly.service; ls /dat/c/more; ls /dat/n/more")
    assert "Result=success" in done.stdout, done.stderr
    assert "/dat/c/more" in done.stdout
    assert "/dat/n/more" not in done.stdout


def test_a_failure_is_a_failed_unit_that_is_not_repeated(host) -> None:
    host("mkdir /dat/c/blocked; echo x > /dat/m/blocked; touch -d 2020-01-01 /dat/m/blocked; chown -R sshsync /dat")
    done = host("systemctl start sshsync.service; systemctl show -p Result -p ExecMainStatus -p NRestarts sshsync.service")
    assert "ExecMainStatus=7" in done.stdout
    assert "Result=exit-code" in done.stdout
    assert "NRestarts=0" in done.stdout
    assert "blocked: failed" in host("journalctl --no-pager -u sshsync.service").stdout, "the journal says what failed"
    host("rmdir /dat/c/blocked")
    assert host("systemctl start sshsync.service").returncode == 0


def test_the_timer_starts_it_every_night(host) -> None:
    done = host("systemctl start sshsync.timer; systemctl list-timers --no-pager --all; systemctl show -p Persistent -p RandomizedDelayUSec sshsync.timer")
    assert "sshsync.service" in done.stdout
    assert "Persistent=yes" in done.stdout
    assert "RandomizedDelayUSec=20min" in done.stdout


@pytest.mark.parametrize("unit", ["sshsync.service", "sshsync@.service"])
def test_the_exposure_of_the_units_stays_low(unit: str) -> None:
    """2.0 is the limit; the figure of systemd-analyze goes from 0 to 10."""
    require(bool(shutil.which("systemd-analyze")), "systemd-analyze")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNITS / unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
