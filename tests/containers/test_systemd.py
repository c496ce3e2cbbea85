"""The shipped units on a real systemd: the hardened service synchronizes a local repository and one over SSH."""

import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from sshsync.model.hours import DAYS
from tests.containers import packages
from tests.containers.machine import Machine
from tests.sshd import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

UNITS = Path(__file__).parents[2] / "systemd"
CONFIG = """[sshsync]
state_dir = /var/lib/sshsync
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
key_file = /run/credentials/sshsync.service/key
known_hosts = /etc/sshsync/known_hosts
path = /dat/n
parent = c
"""
# Local repositories get their paths, and the service its key, as the unit's comments say.
DROP_IN = """[Service]
ReadWritePaths=/dat
LoadCredential=key:/root/keys/id_ed25519
"""
SET_UP = """set -e
mkdir -p /dat/m /dat/c /dat/n /etc/k /run/sshd /root/keys
echo hello > /dat/m/a; head -c 3000000 /dev/urandom > /dat/m/big; touch -d 2020-01-01 /dat/m/*
ssh-keygen -q -t ed25519 -N '' -f /etc/k/host; ssh-keygen -q -t ed25519 -N '' -f /root/keys/id_ed25519
cp /root/keys/id_ed25519.pub /etc/k/auth
usermod -s /bin/sh -p '*' sshsync; chown -R sshsync /dat
printf 'Port 2222\\nHostKey /etc/k/host\\nAuthorizedKeysFile /etc/k/auth\\nStrictModes no\\nUsePAM no\\nPidFile /run/sshd.pid\\n' > /etc/k/conf
/usr/sbin/sshd -f /etc/k/conf
echo "[127.0.0.1]:2222 $(cut -d' ' -f1,2 /etc/k/host.pub)" > /etc/sshsync/known_hosts
chown -R root:sshsync /etc/sshsync; chmod 640 /etc/sshsync/*
systemctl daemon-reload
"""


class Host:
    """Runs scripts as root in a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def __call__(self, script: str) -> "subprocess.CompletedProcess[str]":
        return self.machine.run(script, check=False)


@pytest.fixture(scope="module")
def host(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A machine with the package installed; gives a way to run scripts in it."""
    machine = Machine(tmp_path_factory.mktemp("layer"), "unitshost")
    try:
        machine.put(packages.rpm(built), "/root/sshsync.rpm")
        machine.run("rpm -i --nodeps /root/sshsync.rpm")
        machine.run(f"cat > /etc/sshsync/sshsync.conf <<'END'\n{CONFIG}END\n")
        for unit in ("sshsync.service", "sshsync@weekly.service"):
            machine.run(f"mkdir /etc/systemd/system/{unit}.d; printf '%s' '{DROP_IN}' > /etc/systemd/system/{unit}.d/local.conf")
        machine.run(SET_UP)
        yield Host(machine)
    finally:
        machine.close()


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
    assert "c: blocked: failed" in host("journalctl --no-pager -p warning -u sshsync.service").stdout, "the journal says what failed"
    assert "c: partial in" in host("journalctl --no-pager -p err -u sshsync.service").stdout
    host("rmdir /dat/c/blocked")
    assert host("systemctl start sshsync.service").returncode == 0


def test_a_run_whose_time_is_over_is_started_again_and_one_outside_of_the_window_is_not(host) -> None:
    """So a window leaves one short start behind a night that was not enough, and then silence until the timer asks again."""
    shown = "systemctl show -p Result -p ExecMainStatus -p ActiveState -p SubState sshsync.service"
    host("cp /etc/sshsync/sshsync.conf /root/before; head -c 3000000 /dev/urandom > /dat/m/late; touch -d 2020-01-01 /dat/m/late; chown sshsync /dat/m/late")
    host("sed -i 's/^plan.nightly/max_duration = 2s\\n&/; s/^stable_for.*/&\\nbwlimit = 100k/' /etc/sshsync/sshsync.conf")
    cut = host(f"systemctl start sshsync.service; {shown}")
    said = host("journalctl --no-pager -u sshsync.service").stdout
    assert "ExecMainStatus=75" in cut.stdout, cut.stdout + said
    assert "SubState=auto-restart" in cut.stdout, cut.stdout
    assert "max_duration = 2s is over: 0 of 2 repositories done" in said
    day = DAYS[(date.today().weekday() + 3) % 7]
    told = host(f"systemctl stop sshsync.service; sed -i 's/^max_duration.*/window = {day}/' /etc/sshsync/sshsync.conf; grep -n -e window -e max_duration /etc/sshsync/sshsync.conf")
    again = host(f"systemctl start sshsync.service && echo started; {shown}")
    assert {"started", "Result=success", "ActiveState=inactive", "SubState=dead"} <= set(again.stdout.split()), told.stdout + again.stdout + host("journalctl --no-pager -u sshsync.service | tail -40").stdout
    assert "outside of the window " in host("journalctl --no-pager -u sshsync.service").stdout
    assert "late" not in host("ls /dat/c").stdout
    host("cp /root/before /etc/sshsync/sshsync.conf")
    last = host(f"systemctl start sshsync.service; {shown}; cmp /dat/m/late /dat/n/late && echo there")
    assert {"Result=success", "ExecMainStatus=0", "there"} <= set(last.stdout.split()), last.stdout


def test_the_timer_starts_it_every_night(host) -> None:
    done = host("systemctl start sshsync.timer; systemctl list-timers --no-pager --all; systemctl show -p Persistent -p RandomizedDelayUSec sshsync.timer")
    assert "sshsync.service" in done.stdout
    assert "Persistent=yes" in done.stdout
    assert "RandomizedDelayUSec=20min" in done.stdout


def test_the_watching_service_brings_an_upload_to_the_node_reloads_and_stops(host) -> None:
    host("chown -R sshsync /dat; cp /etc/sshsync/sshsync.conf /root/before; sed -i 's/^plan.nightly/watch_interval = 1\\n&/; s/sshsync.service/sshsync-watch.service/' /etc/sshsync/sshsync.conf")
    host("mkdir /etc/systemd/system/sshsync-watch.service.d; cp /etc/systemd/system/sshsync.service.d/local.conf /etc/systemd/system/sshsync-watch.service.d; systemctl daemon-reload")
    started = host("systemctl start sshsync-watch.service; systemctl is-active sshsync-watch.service")
    assert started.stdout == "active\n", started.stderr
    host("echo friday > /dat/m/friday; chown sshsync /dat/m/friday")
    arrived = host("timeout 30 sh -c 'until cmp /dat/m/friday /dat/n/friday; do sleep 0.2; done'")
    assert arrived.returncode == 0, host("journalctl --no-pager -u sshsync-watch.service").stdout
    assert host("systemctl reload sshsync-watch.service; systemctl is-active sshsync-watch.service").stdout == "active\n"
    assert "StatusText=nothing new" in host("timeout 20 sh -c 'until systemctl show -p StatusText sshsync-watch.service | grep nothing; do sleep 0.2; done'").stdout
    assert "WatchdogUSec=10min" in host("systemctl show -p WatchdogUSec sshsync-watch.service").stdout
    assert "watch: nothing new" in host("journalctl --no-pager -p info -u sshsync-watch.service").stdout
    assert "watch: nothing new" not in host("journalctl --no-pager -p notice -u sshsync-watch.service").stdout
    stopped = host("systemctl stop sshsync-watch.service; systemctl show -p Result -p ExecMainStatus sshsync-watch.service; cp /root/before /etc/sshsync/sshsync.conf")
    assert "Result=success" in stopped.stdout
    assert "ExecMainStatus=0" in stopped.stdout


@pytest.fixture(scope="module")
def mails(host, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A mail server in the machine, which keeps what it takes; gives all of it. It runs as any other service there."""
    packed = tmp_path_factory.mktemp("smtp") / "smtp.tar"
    site = Path(sysconfig.get_paths()["purelib"])
    with tarfile.open(packed, "w") as made:
        for package in ("aiosmtpd", "attr", "attrs", "public"):
            made.add(site / package, package)
    host.machine.put(packed, "/root/smtp.tar")
    unit = "--unit=mailserver --setenv=PYTHONPATH=/root/site -p ExecStartPost='/bin/sh -c \"until ss -ltn | grep -q 127.0.0.1:25; do sleep 0.1; done\"'"
    command = f"systemd-run {unit} /usr/bin/python3.11 -m aiosmtpd -n -l 127.0.0.1:25 -c aiosmtpd.handlers.Mailbox /root/mail"
    started = host(f"mkdir /root/site; tar -xf /root/smtp.tar -C /root/site; {command}")
    assert started.returncode == 0, started.stderr
    return lambda: host("cat /root/mail/new/* 2>/dev/null").stdout


SENDMAIL = """#!/bin/sh
# As that of Postfix: it needs a right of its own.
cat > /dev/null; touch /dat/sendmail-ran
"""


def test_mail_leaves_the_shipped_service(host, mails) -> None:
    host("cp /etc/sshsync/sshsync.conf /root/before; sed -i 's/^plan.nightly/mail_to = ops@example.org\\n&/' /etc/sshsync/sshsync.conf")
    host("mkdir /dat/c/obstructed; echo x > /dat/m/obstructed; touch -d 2020-01-01 /dat/m/obstructed; chown -R sshsync /dat")
    host("systemctl reset-failed; systemctl start sshsync.service")
    said = host("journalctl --no-pager -u sshsync.service").stdout
    assert "To: ops@example.org" in mails(), said
    assert "c: obstructed: failed" in mails()
    assert "mail_to" not in said
    host(f"printf '%s' '{SENDMAIL}' > /usr/local/sbin/sendmail; chmod 755 /usr/local/sbin/sendmail; sed -i 's#^mail_to#sendmail = /usr/local/sbin/sendmail\\n&#' /etc/sshsync/sshsync.conf")
    host("systemctl start sshsync.service")
    said = host("journalctl --no-pager -u sshsync.service").stdout
    assert "mail_to: /usr/local/sbin/sendmail cannot work here: this process may gain no privileges (NoNewPrivileges)" in said
    assert host("ls /dat/sendmail-ran").returncode != 0
    host("rmdir /dat/c/obstructed; rm /dat/m/obstructed; cp /root/before /etc/sshsync/sshsync.conf; systemctl reset-failed; systemctl start sshsync.service")


def test_the_mail_about_the_week_is_sent_by_its_timer(host, mails) -> None:
    host("sed -i 's/^plan.nightly/mail_to = week@example.org\\nmail_weekly = Mon 07:00\\n&/' /etc/sshsync/sshsync.conf")
    host("systemctl start sshsync-weekly.timer")
    assert "sshsync-weekly.service" in host("systemctl list-timers --no-pager --all").stdout
    done = host("systemctl start sshsync-weekly.service; systemctl show -p Result sshsync-weekly.service; cp /root/before /etc/sshsync/sshsync.conf")
    assert "Result=success" in done.stdout, host("journalctl --no-pager -u sshsync-weekly.service").stdout
    assert mails().count("\nTo: week@example.org\n") == 1
    assert "the week: " in mails()


def test_all_services_are_hardened_alike() -> None:
    def hardening(unit: str) -> list[str]:
        lines = (UNITS / unit).read_text().splitlines()
        first = lines.index("KillMode=mixed")
        return [line for line in lines[first:] if line and not line.startswith(("[Install]", "WantedBy="))]

    assert hardening("sshsync.service") == hardening("sshsync@.service") == hardening("sshsync-watch.service") == hardening("sshsync-weekly.service")


@pytest.mark.parametrize("unit", ["sshsync.service", "sshsync@.service", "sshsync-watch.service", "sshsync-weekly.service"])
def test_the_exposure_of_the_units_stays_low(unit: str) -> None:
    """2.0 is the limit; the figure of systemd-analyze goes from 0 to 10."""
    require(bool(shutil.which("systemd-analyze")), "systemd-analyze")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNITS / unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
