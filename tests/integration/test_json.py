"""With --json stdout is JSON, whatever happens: `Site.cli` holds every line against the schema."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import objects
from tests.integration.conftest import Site
from tests.integration.holding import Running, until


def told(done: "subprocess.CompletedProcess[str]") -> list[dict]:
    return [objects.check(line) for line in done.stdout.splitlines()]


def test_every_command_answers_in_json(local: Site) -> None:
    """Each says something, and its last word tells the exit code where there is one."""
    local.config.write_text(local.config.read_text().replace("[sshsync]", f"[sshsync]\nmetrics_file = {local.directory}/metrics\nnotify_command = false", 1))
    local.fill("c", {f".sshsync/replaced/20260101-000000-0000/{name}": b"older" for name in ("a", "d/b")})
    expected = {
        "resume": ["remark"],
        "history": [],
        "--all --dry-run": "summary",
        "--all": "summary",
        "verify": "summary",
        "report": ["summary"],
        "status": ["status", "summary"],
        "config check": ["config"],
        "config show c": ["section"],
        "hosts check": ["survey", "survey"],
        "notify test": ["notified", "notified"],
        "notify weekly": ["remark"],
        f"report --html {local.directory}/page": ["remark"],
        "report --html -": ["error"],
        "status --nagios": ["error"],
        "config init": ["error"],
        "demo": ["error"],
        "hosts": ["error"],
        "watch --once": "remark",
        "ls m": ["listed", "listed"],
        "ls m b": ["listed"],
        "sums c": ["listed", "listed"],
        "restore c": ["kept", "kept"],
        "restore c a --list": ["kept"],
        "restore c a": ["restored"],
        "restore c none": ["error"],
        "diff c": ["difference", "comparison"],
        "diff c m --verbose": ["difference", "difference", "comparison"],
    }
    for words, kinds in expected.items():
        done = local.cli("--json", *words.split())
        found = told(done)
        if isinstance(kinds, list):
            assert [one["type"] for one in found] == kinds, (words, done.stderr)
        elif words != "watch --once":
            assert found[-1]["type"] == kinds, words
        assert all(one["exit_code"] == done.returncode for one in found if one["type"] in ("error", "summary") and words != "status"), words
    runs = told(local.cli("history", "--json"))
    assert {run["type"] for run in runs} == {"run"}
    assert {run["dry"] for run in runs} == {True, False}
    assert told(local.cli("history", runs[0]["id"], "--json"))[-1]["type"] == "summary"


def test_notify_test_tells_programs_who_was_not_told(local: Site) -> None:
    local.config.write_text(local.config.read_text().replace("[sshsync]", "[sshsync]\nnotify_command = false", 1))
    done = local.cli("--json", "notify", "test", "--fail", "--success")
    assert done.returncode == 6
    assert [(one["option"], one["about"], one["ok"]) for one in told(done)] == [("notify_command", "success", False), ("notify_command", "failure", False)]


def test_keys_of_hosts_are_told_in_json(site: Site) -> None:
    site.write(f"[m]\n{site.server('m').section(path=site.root('m'))}", trusted=False)
    unsure = site.cli("--json", "hosts", "trust", "m")
    key, error = told(unsure)
    assert (key["type"], key["repository"], key["state"], key["recorded"]) == ("host_key", "m", "new", "")
    assert key["fingerprint"].startswith("SHA256:")
    assert (error["type"], error["exit_code"], unsure.returncode) == ("error", 10, 10)
    assert key["fingerprint"] in unsure.stderr, "whoever is asked sees what about"
    (recorded,) = told(site.cli("--json", "hosts", "trust", "--yes", "m"))
    assert (recorded["state"], recorded["recorded"]) == ("new", f"{site.directory}/state/known_hosts")
    (known,) = told(site.cli("--json", "hosts", "trust", "m"))
    assert (known["state"], known["recorded"]) == ("known", "")
    (gone,) = told(site.cli("--json", "hosts", "forget", "m"))
    assert (gone["type"], gone["keys"]) == ("forgotten", [key["fingerprint"]])
    (nothing,) = told(site.cli("--json", "hosts", "forget", "m"))
    assert nothing["keys"] == []


def test_a_lock_that_is_held_is_told_in_json(local: Site) -> None:
    local.config.write_text(local.config.read_text().replace("[DEFAULT]", "[DEFAULT]\npre_cmd = exec sleep 60", 1))
    first = Running(local, "--json", "--all")
    try:
        until(lambda: (local.directory / "state" / "headway.json").exists(), "the first one is at work")
        done = local.cli("--json", "--all")
        (error,) = told(done)
        assert (error["type"], error["exit_code"], done.returncode) == ("error", 8, 8)
        assert "status" in error["hint"]
    finally:
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(30)


def test_who_interrupts_a_command_is_told_in_json(local: Site) -> None:
    local.config.write_text(local.config.read_text().replace("[DEFAULT]", "[DEFAULT]\npre_cmd = exec sleep 60", 1))
    run = Running(local, "--all", name="run")
    try:
        until(lambda: (local.directory / "state" / "headway.json").exists(), "a run is at work")
        follower = Running(local, "status", "--watch", "--json", name="follower")
        until(lambda: follower.events(), "somebody follows it")
        follower.process.send_signal(signal.SIGINT)
        assert follower.process.wait(30) == 130
        last = objects.check((local.directory / "follower.out").read_text().splitlines()[-1])
        assert (last["type"], last["exit_code"]) == ("error", 130)
    finally:
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(30)


def test_a_bug_is_told_in_json(local: Site, tmp_path: Path) -> None:
    local.config.write_text(local.config.read_text().replace("[sshsync]", f"[sshsync]\nlog_file = {tmp_path}/log", 1))
    broken = "import sys, sshsync.cli.commands.status as s\ndef boom(*_): raise RuntimeError('boom')\ns.health.exit_code = boom\nfrom sshsync.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", broken, "-c", str(local.config), "--json", "status"], capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)})
    error = objects.check(done.stdout.splitlines()[-1])
    assert (error["type"], error["exit_code"], done.returncode) == ("error", 5, 5)
    assert "boom" in error["message"]


@pytest.mark.parametrize("line", ['{"type": "remark", "message": "x", "more": 1}', '{"type": "remark"}', '{"type": "remark", "message": 1}', '{"type": "nobody"}', "text", "[]"])
def test_what_is_not_documented_is_no_output(line: str) -> None:
    with pytest.raises(AssertionError):
        objects.check(line)


def test_names_that_are_no_text_fit_the_schema(local: Site) -> None:
    file = os.path.join(os.fsencode(local.root("m")), b"odd\xff")
    with open(file, "wb") as out:
        out.write(b"x")
    events = local.summary("--all")["events"]
    assert any(event.get("items_base64") for event in events if event["type"] == "published")
    assert json.loads(local.cli("--json", "--all").stdout.splitlines()[-1])["exit_code"] == 0
