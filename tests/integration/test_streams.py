"""Closed and full standard streams, readers that go away: what is done is done, and the exit code tells it."""

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Site

STDOUT = {"closed": ">&-", "full": ">/dev/full"}
STDERR = {"closed": "2>&-", "full": "2>/dev/full"}
RUNS = ["--sync c", "--all --json", "--all --dry-run", "resume", "verify --repair", "watch --once", "--all --verbose"]
PRINTS = [
    "status", "status --json", "history", "history --json", "report", "report --json", "report --html -", "config show c",
    "config check", "config init", "hosts check", "hosts check --json", "--help", "--version",
]  # fmt: skip


def called(site: Site, words: str, redirected: str = "", **options: object) -> "subprocess.CompletedProcess[str]":
    command = shlex.join([sys.executable, "-m", "sshsync", "--config", str(site.config), *shlex.split(words)])
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 120, **options}
    return subprocess.run(["sh", "-c", f"exec {command} {redirected}"], check=False, **given)  # type: ignore[call-overload]


@pytest.mark.parametrize("redirected", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize("words", RUNS)
def test_a_run_does_its_work_whatever_its_streams_are(local: Site, words: str, redirected: str) -> None:
    if words == "resume":
        (local.root("c") / "d").write_bytes(b"in the way")
        assert called(local, "--all").returncode == 7
        (local.root("c") / "d").unlink()
    done = called(local, words, redirected)
    assert done.returncode == (11 if "dry-run" in words else 0), done
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    if "dry-run" not in words:
        local.same("m", "c")
    with sqlite3.connect(local.directory / "state" / "journal.sqlite") as db:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",), "no word for people got into it"
        assert db.execute("SELECT exit_code FROM runs ORDER BY started DESC").fetchone() == (done.returncode,)
    db.close()
    log = [json.loads(line) for line in (local.directory / "state" / "sshsync.log").read_text().splitlines()]
    assert log[-1]["event"] == "run finished"
    assert log[-1]["exit_code"] == done.returncode


@pytest.mark.parametrize("redirected", STDOUT.values(), ids=list(STDOUT))
def test_a_run_that_cannot_print_its_summary_says_where_it_stands(local: Site, redirected: str) -> None:
    done = called(local, "--sync c", redirected)
    assert "warning: cannot write to stdout: " in done.stderr
    assert f"how the run ended: sshsync -c {local.config} report" in done.stderr
    assert done.stderr.count("warning") == 1


@pytest.mark.parametrize("redirected", STDERR.values(), ids=list(STDERR))
def test_a_run_that_fails_says_so_by_its_code_without_an_error_output(local: Site, redirected: str) -> None:
    (local.root("c") / "a").mkdir()
    done = called(local, "--sync c", redirected)
    assert done.returncode == 7
    assert "a: failed" in done.stdout


@pytest.mark.parametrize("words", PRINTS)
def test_what_cannot_be_printed_is_a_failure_of_who_only_prints(local: Site, words: str) -> None:
    assert called(local, "--all").returncode == 0
    whole = called(local, words)
    assert whole.returncode == 0
    for redirected in STDOUT.values():
        done = called(local, words, redirected)
        assert (done.returncode, "Traceback" in done.stderr) == (6, False), done
        assert done.stderr.startswith("sshsync: cannot write to stdout: ")
        assert len(done.stderr.splitlines()) == 1
    for redirected in (*STDERR.values(), "<&-"):
        done = called(local, words, redirected)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, len(whole.stdout.splitlines())), done
    assert called(local, words, "<&- >&- 2>&-").returncode == 6


@pytest.mark.parametrize("words", ["--sync c", "--all --json", "verify", *PRINTS])
def test_a_reader_who_had_enough_is_no_failure(local: Site, words: str) -> None:
    assert called(local, "--all").returncode == 0
    gone, end = os.pipe()
    os.close(gone)
    try:
        done = called(local, f"{words} --quiet" if words == "verify" else words, stdout=end)
    finally:
        os.close(end)
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if not line.startswith(("run ", "c: "))]
    assert said == []


@pytest.mark.parametrize("redirected", [*STDOUT.values(), *STDERR.values()])
def test_a_file_that_was_asked_for_is_written_whoever_hears_of_it(local: Site, redirected: str) -> None:
    assert called(local, "--all").returncode == 0
    page, sample = local.directory / "page.html", local.directory / "new.conf"
    assert called(local, f"report --html {page}", redirected).returncode == 0
    assert page.read_text().endswith("</html>\n")
    assert called(local, f"config init {sample}", redirected).returncode == 0
    assert "[DEFAULT]" in sample.read_text()
    refused = called(local, f"report --html {local.directory}", redirected)
    assert refused.returncode == 6


@pytest.mark.parametrize(
    ("words", "code"),
    [("--sync nobody", 4), ("--sync m", 2), ("--nonsense", 2), ("status --config /nonexistent", 3), ("history zzz", 2)],
)
@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_a_refusal_keeps_its_code_where_nobody_hears_of_it(local: Site, words: str, code: int, redirected: str) -> None:
    assert called(local, words, redirected).returncode == code


def test_nobody_at_a_closed_input_confirms_a_key(site: Site) -> None:
    server = site.server("m")
    site.fill("m", {"a": b"a"})
    site.write(f"[m]\n{server.section(path=site.root('m'))}", trusted=False)
    done = called(site, "hosts trust m", "<&-")
    assert done.returncode == 10
    assert "its key is not recorded" in done.stderr
    known = site.directory / "state" / "known_hosts"
    assert not known.exists() or not known.read_text().strip()


def test_words_that_an_output_cannot_encode_are_escaped(local: Site) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "HOME": str(local.directory)}
    odd = Path(os.fsdecode(os.fsencode(local.directory) + b"/\xc3\xa4\xff.conf"))
    odd.write_bytes(local.config.read_bytes())
    odd.chmod(0o600)
    command = [sys.executable, "-m", "sshsync", "--config", str(odd), "config", "check"]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(b"/\xe4\\udcff.conf: valid")
