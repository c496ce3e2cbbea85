"""Mail over a real SMTP server: about runs, and a word once a week."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.ports import reserved
from tests.integration.conftest import Site
from tests.mailbox import PASSWORD, USER, Mailbox, certificate, mailbox

pytestmark = pytest.mark.integration


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


def told(site: Site, lines: str) -> None:
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    site.write(f"{lines}[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n[c]\npath = {site.root('c')}\nparent = m\n")


def by(box: Mailbox, more: str = "") -> str:
    return f"mail_to = ops@example.org, Night Shift <night@example.org>\nsmtp_host = localhost\nsmtp_port = {box.port}\n{more}\n"


def obstruct(site: Site) -> None:
    (site.root("m") / "blocked").write_bytes(b"x")
    (site.root("c") / "blocked").mkdir()


def clear(site: Site) -> None:
    (site.root("c") / "blocked").rmdir()


def test_a_failure_is_told_by_smtp_to_everybody(site: Site, box: Mailbox) -> None:
    told(site, by(box))
    assert site.cli("--all").returncode == 0
    assert box.messages == [], "it hears of failures only"
    obstruct(site)
    done = site.cli("--all")
    assert (done.returncode, "mail_to" in done.stderr) == (7, False), done.stderr
    (message,) = box.messages
    ((sender, takers),) = box.envelopes
    assert takers == ["ops@example.org", "night@example.org"]
    assert sender.startswith("sshsync@")
    assert message["From"] == sender
    assert message["To"] == "ops@example.org, Night Shift <night@example.org>"
    assert "1 of 1 repositories not in sync" in message["Subject"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    assert message["Message-ID"]
    assert "c: blocked: failed:" in box.text()
    assert f"to go on: sshsync -c {site.config} resume" in box.text()


def test_names_that_are_no_ascii_and_control_characters_arrive(site: Site, box: Mailbox) -> None:
    told(site, by(box, "mail_from = Wächter <watch@example.org>"))
    name = "Übersicht\n\x1b[31m"
    site.fill("m", {name.encode(): b"x"})
    (site.root("c") / name).mkdir()
    assert site.cli("--all").returncode == 7
    assert "Übersicht\\n\\x1b[31m" in box.text()
    assert box.envelopes[0][0] == "watch@example.org"
    assert box.messages[0]["From"] == "Wächter <watch@example.org>"


@pytest.mark.parametrize(
    ("mail_on", "expected"),
    [
        # first copy, nothing new, a failure, the same failure, well again without a change, nothing new
        ("failure", [False, False, True, True, False, False]),
        ("change", [True, False, True, True, True, False]),
        ("always", [True] * 6),
    ],
)
def test_of_which_runs_it_tells(site: Site, box: Mailbox, mail_on: str, expected: list[bool]) -> None:
    told(site, by(box, f"mail_on = {mail_on}"))
    heard = []

    def run(code: int) -> None:
        before = len(box.messages)
        assert site.cli("--all").returncode == code
        heard.append(len(box.messages) > before)

    run(0)
    run(0)
    obstruct(site)
    run(7)
    run(7)
    (site.root("m") / "blocked").unlink()
    clear(site)
    run(0)
    run(0)
    assert heard == expected
    if mail_on == "always":
        assert "everything is in sync" in box.messages[-1]["Subject"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_tls_and_login(site: Site, tmp_path: Path, tls: str) -> None:
    made = certificate(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    login = f"smtp_tls = {tls}\nsmtp_user = {USER}\nsmtp_password_file = {secret}"
    with mailbox(tls=made, starttls=tls == "starttls", login=True) as box:
        told(site, by(box, f"{login}\nsmtp_ca_file = {made[0]}"))
        done = site.cli("notify", "test", "--fail")
        assert (done.returncode, done.stdout) == (0, f"mail_to: told: ops@example.org, Night Shift <night@example.org>, by localhost:{box.port}\n")
        assert box.tls == [True]
        secret.write_text("wrong-word\n")
        told(site, by(box, f"{login}\nsmtp_ca_file = {made[0]}"))
        done = site.cli("notify", "test", "--fail")
        assert done.returncode == 6
        assert f"does not let {USER} log in" in done.stdout
        assert "wrong-word" not in done.stdout + done.stderr
        assert "wrong-word" not in (site.directory / "state" / "sshsync.log").read_text()
        told(site, by(box, login))
        secret.write_text(PASSWORD)
        done = site.cli("notify", "test", "--fail")
        assert done.returncode == 6
        assert "certificate verify failed" in done.stdout
        assert "smtp_ca_file" in done.stdout
        assert len(box.messages) == 1
        assert box.logins[0]
        assert not any(box.logins[1:])


def test_a_password_never_goes_without_tls_over_a_network(site: Site, box: Mailbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o644)
    told(site, f"mail_to = a@b.example\nsmtp_host = mail.example.org\nsmtp_user = {USER}\nsmtp_password_file = {secret}\n")
    done = site.cli("config", "check")
    assert done.returncode == 3
    assert "smtp_user: its password would go over the network for everybody to read" in done.stderr
    told(site, by(box, f"smtp_tls = tls\nsmtp_user = {USER}\nsmtp_password_file = {secret}"))
    done = site.cli("config", "check")
    assert done.returncode == 3
    assert f"chmod 600 {secret}" in done.stderr
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("mail_to = nobody\n", "mail_to: must be addresses such as"),
        ("mail_to = a@b, c\n", "mail_to: must be addresses such as"),
        ("mail_weekly = Mon 07:00\n", "mail_weekly: nobody gets it"),
        ("mail_to = a@b.example\nmail_weekly = Someday\n", "mail_weekly: must be a day and a time such as Mon 07:00"),
        ("mail_to = a@b.example\nmail_weekly = Mon 24:00\n", "mail_weekly: must be a day and a time such as Mon 07:00"),
        ("mail_to = a@b.example\nmail_on = sometimes\n", "mail_on: "),
        ("mail_to = a@b.example\nsmtp_user = x\n", "smtp_user: needs a smtp_password_file"),
        ("mail_to = a@b.example\nsmtp_ca_file = relative\n", "smtp_ca_file: must be an absolute path"),
        ("mail_to = a@b.example\nsmtp_ca_file = /nonexistent/ca\n", "smtp_ca_file: /nonexistent/ca: No such file or directory"),
        ("mail_to = a@b.example\nsendmail = /nonexistent/sendmail\n", "sendmail: /nonexistent/sendmail: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told_before_any_run(site: Site, lines: str, said: str) -> None:
    told(site, lines)
    done = site.cli("config", "check")
    assert done.returncode == 3
    assert said in done.stderr


def test_why_a_mail_did_not_go_and_what_to_do(site: Site, box: Mailbox) -> None:
    port = reserved()
    told(site, f"mail_to = ops@example.org\nsmtp_port = {port}\n")
    done = site.cli("notify", "test", "--fail")
    assert done.returncode == 6
    assert f"mail_to: localhost:{port}: Connection refused; set smtp_host and smtp_port to a server that takes mail" in done.stdout
    box.refuses.add("night@example.org")
    told(site, by(box))
    done = site.cli("notify", "test", "--fail")
    assert done.returncode == 6
    assert "took no mail for night@example.org: 550 5.1.1 no such person here" in done.stdout
    assert len(box.messages) == 1, "the others have it"
    box.refuses.add("ops@example.org")
    done = site.cli("notify", "test", "--fail")
    assert "took no mail for ops@example.org: 550 5.1.1 no such person here; night@example.org: 550" in done.stdout
    told(site, by(box, "smtp_tls = starttls"))
    done = site.cli("notify", "test", "--fail")
    assert "offers no STARTTLS" in done.stdout


def test_sendmail_where_it_can_work(site: Site) -> None:
    sendmail = site.directory / "sendmail"
    sendmail.write_text(f'#!/bin/sh\necho "$*" > {site.directory}/words; cat > {site.directory}/mail\n')
    sendmail.chmod(0o755)
    told(site, f"mail_to = ops@example.org\nsendmail = {sendmail}\n")
    done = site.cli("notify", "test", "--fail")
    assert (done.returncode, done.stdout) == (0, f"mail_to: told: ops@example.org, by {sendmail}\n")
    assert (site.directory / "words").read_text() == "-t -oi\n"
    assert "To: ops@example.org" in (site.directory / "mail").read_text()
    (site.directory / "mail").unlink()
    command = ["setpriv", "--no-new-privs", sys.executable, "-m", "sshsync", "-c", str(site.config), "notify", "test", "--fail"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "cannot work here: this process may gain no privileges (NoNewPrivileges)" in done.stdout
    assert "leave sendmail away: mail goes to smtp_host then" in done.stdout
    assert not (site.directory / "mail").exists()


# Once a week


def weekly(site: Site, *words: str, now: str = "", zone: str = "UTC") -> "subprocess.CompletedProcess[str]":
    """Run it, at another time when one is given, as date(1) reads it."""
    command = [sys.executable, "-m", "sshsync", "-c", str(site.config), "notify", "weekly", *words]
    env = {**os.environ, "HOME": str(site.directory), "TZ": zone}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_a_word_once_a_week(site: Site, box: Mailbox) -> None:
    told(site, by(box, f"mail_weekly = {time.strftime('%a', time.gmtime(time.time() - 3600))} 00:00"))
    assert site.cli("--all").returncode == 0
    obstruct(site)
    assert site.cli("--all").returncode == 7
    box.messages.clear()
    done = weekly(site)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"sent to ops@example.org, Night Shift <night@example.org>, by localhost:{box.port}\n"
    (message,) = box.messages
    assert re.fullmatch(r"sshsync on \S+: the week: 1 of 1 repository not in sync", message["Subject"])
    assert re.search(r"^c: in sync as of .*; last run: partial", box.text(), re.MULTILINE)
    assert re.search(r"^2 runs ended since .*, 1 of them badly:$", box.text(), re.MULTILINE)
    assert re.search(r"^run \S+ of \d{4}-\S+ \S+: exit code 7, partial: some repositories or files failed$", box.text(), re.MULTILINE)
    assert "to go on: sshsync -c " in box.text()
    again = weekly(site)
    assert (again.returncode, again.stdout) == (0, "")
    assert len(box.messages) == 1, "once"
    assert weekly(site, "--now").returncode == 0
    assert len(box.messages) == 2, "or when it is asked for"


def test_a_week_in_which_nothing_ran_is_told_of_too(site: Site, box: Mailbox) -> None:
    told(site, by(box, "mail_weekly = Mon 07:00"))
    assert weekly(site).returncode == 0
    (message,) = box.messages
    assert message["Subject"].endswith(": the week: nothing ran, 1 of 1 repository not in sync")
    assert "no run ended since " in box.text()
    assert "systemctl list-timers 'sshsync*'" in box.text()
    assert "c: never in sync" in box.text()


def test_one_that_did_not_go_goes_later(site: Site, box: Mailbox) -> None:
    told(site, by(box, "mail_weekly = Mon 07:00"))
    text = site.config.read_text()
    site.config.write_text(text.replace(str(box.port), str(reserved())))
    done = weekly(site)
    assert done.returncode == 6
    assert "Connection refused" in done.stderr
    site.config.write_text(text)
    assert weekly(site).returncode == 0
    assert len(box.messages) == 1


def test_where_nobody_wants_one_nothing_is_said(site: Site, box: Mailbox) -> None:
    told(site, by(box))
    done = weekly(site)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert box.messages == []
    told(site, "")
    done = weekly(site, "--now")
    assert (done.returncode, "set mail_to" in done.stderr) == (2, True)


def test_it_waits_for_no_run(site: Site, box: Mailbox) -> None:
    """A run may take all of Monday; it needs no lock, and changes no record."""
    told(site, by(box, "mail_weekly = Mon 07:00"))
    assert site.cli("--all").returncode == 0
    journal = site.directory / "state" / "journal.sqlite"
    before = journal.read_bytes()
    assert weekly(site).returncode == 0
    assert journal.read_bytes() == before
