"""Logs of real runs: what is written at which level, and what systemd's journal gets."""

import json
import subprocess
import sys

import pytest

from tests.integration.conftest import Site

pytestmark = pytest.mark.integration


def configured(site: Site, lines: str = "") -> None:
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    roots = "".join(f"[{name}]\npath = {site.root(name)}\nparent = {parent}\n" for name, parent in (("c", "m"), ("n", "c")))
    site.write(f"{lines}[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n{roots}")


def events(site: Site) -> list[dict]:
    return [json.loads(line) for line in (site.directory / "state" / "sshsync.log").read_text().splitlines()]


def test_info_is_one_line_a_repository_and_debug_one_a_file(site: Site) -> None:
    configured(site)
    assert site.cli("--all").returncode == 0
    lines = events(site)
    assert [(line["event"], line.get("repository")) for line in lines] == [("run started", None), ("repository finished", "c"), ("repository finished", "n"), ("run finished", None)]
    assert {line["run"] for line in lines} == {lines[0]["run"]}
    assert (lines[1]["copied"], lines[1]["moved"]) == (2, 9)
    (site.directory / "state" / "sshsync.log").unlink()
    configured(site, "log_level = debug\n")
    site.fill("m", {"new": b"x", "newer": b"y"})
    assert site.cli("--all").returncode == 0
    files = [(line["repository"], line["item"]) for line in events(site) if line["event"] == "file published"]
    assert sorted(files) == [("c", "new"), ("c", "newer"), ("n", "new"), ("n", "newer")]


def test_levels_of_file_console_and_journal_are_set_apart(site: Site) -> None:
    configured(site, "log_level = error\nconsole_level = warning\njournald_level = info\n")
    (site.root("m") / "blocked").write_bytes(b"x")
    (site.root("n") / "blocked").mkdir()
    console = site.cli("--all")
    assert console.stderr.splitlines()[0].startswith("warning: n: blocked: failed")
    assert [line["event"] for line in events(site)] == ["repository finished"]
    # The journal is known by the device and the inode of its stream.
    script = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"'
    command = [sys.executable, "-m", "sshsync", "--config", str(site.config), "--all"]
    journal = subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, text=True, timeout=60, check=False)
    lines = journal.stderr.splitlines()
    assert lines[0].startswith("<6>run ")
    assert any(line.startswith("<4>n: blocked: failed: ") for line in lines)
    assert lines[-1].startswith("<3>n: partial in ")
    assert all(line[0] == "<" and line[2] == ">" for line in lines)
    elsewhere = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"JOURNAL_STREAM": "1:2", "PATH": "/usr/bin:/bin"})
    assert "<" not in elsewhere.stderr


@pytest.mark.parametrize("columns", ["40", "90", "200"])
def test_no_word_of_a_table_is_cut(site: Site, columns: str) -> None:
    name = "node-" + "x" * 150
    site.fill("m", {"a": b"alpha"})
    site.write(f"[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n[{name}]\npath = {site.root('c')}\nparent = m\n")
    for words in (["--all"], ["hosts", "check"]):
        command = [sys.executable, "-m", "sshsync", "--config", str(site.config), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env={"PATH": "/usr/bin:/bin", "COLUMNS": columns})
        assert "…" not in done.stdout
        assert name in done.stdout
