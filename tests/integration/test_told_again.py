"""What is on record can be told again: runs with what they did, the versions of a file, the whole configuration."""

import json
import os
import shlex
import socket
import time
from hashlib import sha256

import pytest

from tests import objects
from tests.integration.conftest import Site
from tests.integration.holding import Running, until
from tests.mailbox import mailbox


def set_in(site: Site, lines: str) -> None:
    site.config.write_text(site.config.read_text().replace("[sshsync]", f"[sshsync]\n{lines}", 1))


def obstruct(site: Site) -> None:
    site.fill("m", {"stuck": b"x"})
    (site.root("c") / "stuck").mkdir()


def test_page_mail_and_status_name_the_command_that_goes_on_and_where(local: Site) -> None:
    obstruct(local)
    with mailbox() as box:
        set_in(local, f"report_dir = {local.directory}/pages\nmail_to = ops@example.org\nsmtp_port = {box.port}\n")
        assert local.cli("--sync", "c").returncode == 7
        mail = box.text()
    page = (local.directory / "pages" / "latest.html").read_text()
    status = local.cli("status").stdout
    called = shlex.join(["sshsync", "--config", str(local.config), "--sync", "c"])
    zone = time.strftime("%Z")
    for told in (mail, page, status):
        for words in (f"sshsync -c {local.config} resume", str(local.config), called, socket.gethostname(), f"{zone} (UTC"):
            assert words in told, words
    assert json.loads(local.cli("--json", "report").stdout)["called"] == {
        "command": f"sshsync -c {local.config}", "line": called, "config": str(local.config), "controller": socket.gethostname(),
    }  # fmt: skip


def test_the_command_that_goes_on_does_so_from_any_directory(local: Site, tmp_path, monkeypatch) -> None:
    obstruct(local)
    monkeypatch.chdir(local.directory)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(__file__)) + "/..")
    config, local.config = local.config, local.config.relative_to(local.directory)
    done = local.cli("--sync", "c")
    assert done.stdout.splitlines()[-1] == f"to go on: sshsync -c {config} resume"


def test_who_finds_the_lock_held_is_told_how_to_look(local: Site) -> None:
    local.config.write_text(local.config.read_text().replace("[DEFAULT]", "[DEFAULT]\npre_cmd = exec sleep 60", 1))
    first = Running(local, "--all")
    try:
        until(lambda: (local.directory / "state" / "headway.json").exists(), "the first one is at work")
        assert f"look at it with: sshsync -c {local.config} status" in local.cli("--all").stderr
    finally:
        first.process.terminate()
        first.process.wait(90)


def test_history_shows_outcome_time_counts_and_bytes(local: Site) -> None:
    assert local.cli("--all").returncode == 0
    obstruct(local)
    assert local.cli("--all").returncode == 7
    latest, first = (objects.check(line) for line in local.cli("history", "--json").stdout.splitlines())
    assert (first["outcome"], first["good"], first["brought"], first["deleted"], first["failed"], first["moved"]) == ("done", 1, 2, 0, 0, 9)
    assert (latest["outcome"], latest["good"], latest["brought"], latest["failed"]) == ("partial", 0, 0, 1)
    assert 0 <= first["seconds"] <= first["finished"] - first["started"] + 0.001
    heading, second, one = local.cli("history").stdout.splitlines()
    assert heading.split() == ["run", "started", "ended", "time", "in", "sync", "brought", "deleted", "failed", "moved", "stages"]
    assert "done, exit code 0" in one
    assert "1 of 1" in one
    assert "9 B" in one
    assert "partial, exit code 7" in second


def test_history_of_a_file_tells_when_which_version_reached_whom(site: Site) -> None:
    site.fill("m", {"d/app.jar": b"one", "other": b"o"})
    site.here("m", "p", "c", defaults="delete = yes\nmax_delete = 9, 100%")
    assert site.cli("--all").returncode == 0
    site.fill("m", {"d/app.jar": b"second"}, mtime=1_600_000_100)
    assert site.cli("--all").returncode == 0
    digests = {data: f"sha256:{sha256(data).hexdigest()}" for data in (b"one", b"second")}
    told = [objects.check(line) for line in site.cli("--json", "history", "--file", "d/app.jar").stdout.splitlines()]
    versions = [(one["repository"], one["what"], one["digest"], one["size"]) for one in told if one["type"] == "version"]
    assert versions == [
        ("c", "published", digests[b"second"], 6), ("p", "published", digests[b"second"], 6),
        ("c", "published", digests[b"one"], 3), ("p", "published", digests[b"one"], 3),
    ]  # fmt: skip
    assert [one["at"] for one in told if one["type"] == "version"] == sorted((one["at"] for one in told if one["type"] == "version"), reverse=True)
    assert {one["repository"]: one["digest"] for one in told if one["type"] == "held"} == dict.fromkeys("pc", digests[b"second"])
    (site.root("m") / "d" / "app.jar").unlink()
    assert site.cli("--all").returncode == 0
    shown = site.cli("history", "--file", "d/app.jar", "--most", "3").stdout.splitlines()
    assert [line.split()[3] for line in shown[1:]] == ["deleted", "deleted", "published"]
    assert site.cli("history", "--file", "nobody").stdout == "none of the runs on record changed it anywhere\n"
    assert site.cli("history", "--file", "x", "2026").returncode == 2


def test_history_of_a_file_finds_names_that_are_no_text(local: Site) -> None:
    name = b'odd "\xff\n'
    with open(os.path.join(os.fsencode(local.root("m")), name), "wb") as out:
        out.write(b"x")
    assert local.cli("--all").returncode == 0
    found = [objects.check(line) for line in local.cli("--json", "history", "--file", os.fsdecode(name)).stdout.splitlines()]
    assert [one["type"] for one in found] == ["version", "held"]
    assert {one["name_base64"] for one in found} == {"b2RkICL/Cg=="}


def test_config_show_shows_everything_and_no_secret(local: Site) -> None:
    secrets = ["https://hc-ping.com/s3cret", "tell s3cret", "ntfy://s3cret@ntfy"]
    set_in(local, f"ping_url = {secrets[0]}\nnotify_command = {secrets[1]}\nnotify_url = {secrets[2]}\nmail_to = a@b.c\nmail_weekly = Mon 07:00\nplan.nightly = --sync c\n")
    local.config.write_text(local.config.read_text().replace("[DEFAULT]", "[DEFAULT]\npassword_command = pass s3cret", 1))
    shown = local.cli("config", "show").stdout
    assert "s3cret" not in shown
    assert [line for line in shown.splitlines() if line.startswith("[")] == ["[sshsync]", "[m]", "[c]"]
    for words in ("ping_url = (set)", "mail_weekly = Mon 07:00", "plan.nightly = --sync c", "password_command = (set)", "smtp_host = localhost"):
        assert words in shown
    assert f"{local.config}:2" in shown
    only = local.cli("config", "show", "sshsync").stdout
    assert only.startswith("[sshsync]\n")
    assert "[m]" not in only
    sections = [objects.check(line) for line in local.cli("--json", "config", "show").stdout.splitlines()]
    assert [one["name"] for one in sections] == ["sshsync", "m", "c"]
    assert "s3cret" not in json.dumps(sections)
    assert sections[0]["values"]["max_parallel"] == {"value": "32", "place": "default"}


@pytest.mark.parametrize("words", [["report"], ["history", "2"]])
def test_what_a_report_leaves_out_is_named_with_the_configuration(local: Site, words: list[str]) -> None:
    local.fill("m", {f"f{number:02}": b"x" for number in range(12)})
    for number in range(12):
        (local.root("c") / f"f{number:02}").mkdir()
    assert local.cli("--all").returncode == 7
    assert f"and 2 more; all of them: sshsync -c {local.config} history " in local.cli(*words).stdout
