"""What nobody expected, and what an operator wrote wrong: told in a line, with the place and the code that fits."""

import json
import os
import subprocess
import sys

import pytest

from tests.integration.conftest import Site

BROKEN = {
    "in a constructor": "import sshsync.engine.run as it; it.Run.__init__ = None",
    "in a command": "import sshsync.core.planner as it; it.plan = lambda *_: {}['a key']",
    "in a sink": "import sshsync.cli.display as it; it.Lines.__call__ = lambda *_: {}['a key']",
    "in an event": "import sshsync.core.fold as it; it.exit_code = None",
}


@pytest.fixture
def local(site: Site) -> Site:
    site.fill("m", {"a": b"alpha"})
    site.here("m", "c", "d")
    return site


def broken(site: Site, how: str, *words: str) -> "subprocess.CompletedProcess[str]":
    code = f"{how}\nfrom sshsync.cli.main import main\nmain()\n"
    command = [sys.executable, "-c", code, "--config", str(site.config), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("how", BROKEN.values(), ids=list(BROKEN))
def test_a_bug_anywhere_is_a_five_with_its_traceback_in_the_log(local: Site, how: str) -> None:
    done = broken(local, how, "--all")
    assert done.returncode == 5
    log = local.directory / "state" / "sshsync.log"
    said = [line for line in done.stderr.splitlines() if line.startswith("sshsync: bug: ")]
    assert len(said) == 1
    assert f"its traceback is in {log}; please report it" in said[0]
    assert "Traceback" not in done.stderr
    kept = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(line["event"] == "bug" and "Traceback (most recent call last)" in line["exception"] for line in kept)
    told = broken(local, how, "--all", "--verbose")
    assert (told.returncode, "Traceback" in told.stderr) == (5, True)


def test_a_bug_without_a_log_is_told_whole(local: Site) -> None:
    local.config.write_text(local.config.read_text().replace("[sshsync]", "[sshsync]\nlog_file = none"))
    done = broken(local, BROKEN["in a command"], "--all")
    assert done.returncode == 5
    assert "KeyError: 'a key' (its traceback follows; please report it)" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr


@pytest.mark.parametrize(("log", "words", "shown"), [("", (), False), ("", ("--verbose",), True), ("log_file = none\n", (), True)])
def test_a_bug_in_a_job_leaves_its_traceback_somewhere(local: Site, log: str, words: tuple[str, ...], shown: bool) -> None:
    local.config.write_text(local.config.read_text().replace("[sshsync]\n", f"[sshsync]\n{log}"))
    done = broken(local, "import sshsync.engine.comparison as it; it.diff = None", "--all", *words)
    assert done.returncode == 5
    assert "c: failed: bug: TypeError: 'NoneType' object is not callable (the log has its traceback" in done.stdout
    assert ("Traceback (most recent call last)" in done.stderr) is shown
    if not log:
        assert "Traceback (most recent call last)" in (local.directory / "state" / "sshsync.log").read_text()


def test_who_waits_for_the_end_of_a_run_hears_of_a_bug(local: Site) -> None:
    hook = local.directory / "hook"
    hook.write_text('#!/bin/sh\necho "$SSHSYNC_OUTCOME $SSHSYNC_EXIT_CODE" > "$1"\n')
    hook.chmod(0o755)
    text = local.config.read_text().replace("[sshsync]", f"[sshsync]\nnotify_command = {hook} {local.directory}/said")
    local.config.write_text(text)
    assert broken(local, BROKEN["in an event"], "--all").returncode == 5
    assert (local.directory / "said").read_text() == "failed 5\n"


@pytest.mark.parametrize("command", ["echo it's done", "''", "/nonexistent/hook", "no-such-program-here", "{directory}", "{config}"])
def test_a_wrong_notify_command_is_told_by_the_check_and_never_fails_a_run(local: Site, command: str) -> None:
    words = command.format(directory=local.directory, config=local.config)
    local.config.write_text(local.config.read_text().replace("[sshsync]", f"[sshsync]\nnotify_command = {words}"))
    checked = local.cli("config", "check")
    assert checked.returncode == 3
    assert f"{local.config}:2: notify_command" in checked.stderr
    done = local.cli("--all")
    assert done.returncode == 0, done.stderr
    assert "warning: notify_command: " in done.stderr
    assert "Traceback" not in done.stderr
    local.same("m", "c", "d")
    assert local.cli("notify", "test").returncode == 6


def test_names_to_verify_are_put_in_order(local: Site) -> None:
    local.config.write_text(local.config.read_text().replace("parent = c\n", "parent = c\ngroups = last\n"))
    assert local.cli("--all").returncode == 0
    for words in (["d", "c"], ["c", "d"], ["@last,c", "d"], ["d,c"]):
        found = local.summary("verify", *words)
        assert (found["exit_code"], [entry["name"] for entry in found["repositories"]]) == (0, ["c", "d"])
        assert found["events"][0]["stages"] == [["c"], ["d"]]
    assert local.cli("verify", "d", "nobody").returncode == 4
    assert local.cli("verify", "m").returncode == 2


def test_reading_the_configuration_gives_up_no_rights(local: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    state = local.directory / "state"
    for file in (state, *state.iterdir()):
        os.chown(file, 65534, 65534)
    local.directory.chmod(0o711)
    for above in local.directory.parents:
        if above.stat().st_mode & 0o001 == 0:
            above.chmod(above.stat().st_mode | 0o011)
    local.config.chmod(0o644)
    code = (
        "import os\nfrom pathlib import Path\nfrom sshsync.cli.options import Options\n"
        f"asked = Options(config=Path({str(local.config)!r}))\n"
        "asked.load(); first = os.geteuid(); asked.load_as_owner(); print(first, os.geteuid(), os.getegid())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "65534", "65534"], done.stderr


def test_the_survey_of_a_local_host_is_json(local: Site) -> None:
    found = [json.loads(line) for line in local.cli("hosts", "check", "--json").stdout.splitlines()]
    assert [survey["repository"] for survey in found] == ["m", "c", "d"]
