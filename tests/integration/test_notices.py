"""Who is told of runs: a real HTTP server, real programs, real files. A broken one never fails a run."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from benchmarks.ports import reserved
from tests.integration.conftest import Site

pytestmark = pytest.mark.integration


@pytest.fixture
def pings() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    heard: list[tuple[str, str]] = []

    class Hears(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hears)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/ping/uuid", heard
    server.shutdown()
    thread.join()
    server.server_close()


def told(site: Site, lines: str) -> None:
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    site.write(f"{lines}[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n[c]\npath = {site.root('c')}\nparent = m\n")


def test_a_dead_mans_switch_hears_start_success_and_failure(site: Site, pings) -> None:
    url, heard = pings
    told(site, f"ping_url = {url}\n")
    assert site.cli("--all").returncode == 0
    (start, _), (end, words) = heard
    rid = re.fullmatch(r"/ping/uuid/start\?rid=(\S{36})", start)
    assert rid
    assert end == f"/ping/uuid?rid={rid.group(1)}"
    assert "everything is in sync" in words
    heard.clear()
    assert site.cli("--all", "--dry-run").returncode == 0
    assert heard == [], "a dry run is nobody's business"
    (site.root("m") / "blocked").write_bytes(b"x")
    (site.root("c") / "blocked").mkdir()
    assert site.cli("--all").returncode == 7
    (_, _), (end, words) = heard
    assert end.startswith("/ping/uuid/fail?rid=")
    assert "c: blocked: failed:" in words


def test_files_for_collectors_keep_the_last_success(site: Site) -> None:
    metrics, status = site.directory / "out" / "sshsync.prom", site.directory / "out" / "status.json"
    metrics.parent.mkdir()
    told(site, f"metrics_file = {metrics}\nstatus_file = {status}\n")
    assert site.cli("--all").returncode == 0
    text = metrics.read_text()
    assert "sshsync_run_exit_code 0\n" in text
    assert 'sshsync_repository_copied{repository="c"} 2\n' in text
    assert re.search(r"# TYPE sshsync_in_sync_timestamp_seconds gauge\nsshsync_in_sync_timestamp_seconds\{repository=\"c\"\} 1\d{9}", text)
    assert metrics.stat().st_mode & 0o777 == 0o644
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) sshsync_\w+ .+|sshsync_\w+(\{repository=\"[\w.-]+\"\})? -?[0-9.e+]+", line), line
    success = re.search(r"in_sync_timestamp_seconds\{repository=\"c\"\} (\S+)", text)
    (site.root("m") / "blocked").write_bytes(b"x")
    (site.root("c") / "blocked").mkdir()
    assert site.cli("--all").returncode == 7
    later = metrics.read_text()
    assert 'sshsync_repository_ok{repository="c"} 0\n' in later
    assert success
    assert success.group(0) in later, "a failure does not take the last success back"
    found = json.loads(status.read_text())
    assert (found["type"], found["exit_code"]) == ("status", 7)
    assert found["in_sync"]["c"] > 0
    assert [file.name for file in metrics.parent.iterdir() if file.name.startswith(".")] == []


def test_a_command_gets_the_summary_without_a_shell(site: Site) -> None:
    hook = site.directory / "hook"
    hook.write_text('#!/bin/sh\ncat > "$1"; echo "$SSHSYNC_OUTCOME $SSHSYNC_EXIT_CODE $SSHSYNC_HEADLINE" >> "$1.env"\n')
    hook.chmod(0o755)
    told(site, f"notify_command = {hook} '{site.directory}/said; touch INJECTED'\n")
    assert site.cli("--all").returncode == 0
    summary = json.loads((site.directory / "said; touch INJECTED").read_text())
    assert summary["repositories"][0]["files"]["copied"] == 2
    assert "done 0 run " in (site.directory / "said; touch INJECTED.env").read_text()


def test_whatever_is_broken_a_run_ends_as_it_has_and_says_so(site: Site) -> None:
    told(
        site,
        f"ping_url = http://127.0.0.1:{reserved()}/x\nnotify_command = /bin/false\nmetrics_file = /nonexistent/x.prom\n"
        "status_file = /proc/x.json\nmail_to = nobody@example.org\n",
    )
    done = site.cli("--all")
    assert done.returncode == 0
    for option in ("ping_url", "notify_command", "metrics_file", "status_file"):
        assert f"warning: {option}: " in done.stderr
    assert "notice failed" in (site.directory / "state" / "sshsync.log").read_text()


def test_a_chat_hears_of_failures_only_and_no_secret_is_told(site: Site, pings) -> None:
    url, heard = pings
    service = url.replace("http://", "json://user:s3cret@")
    told(site, f"notify_url = {service}\n")
    assert site.cli("--all").returncode == 0
    assert heard == []
    (site.root("m") / "blocked").write_bytes(b"x")
    (site.root("c") / "blocked").mkdir()
    assert site.cli("--all").returncode == 7
    assert len(heard) == 1
    message = json.loads(heard[0][1])
    assert "1 of 1 repositories not in sync" in message["title"]
    assert "c: blocked: failed:" in message["message"]
    assert f"to go on: sshsync -c {site.config} resume" in message["message"]
    told(site, f"notify_url = {service.replace('json', 'nonsense')}\n")
    done = site.cli("notify", "test", "--fail")
    assert done.returncode == 6
    assert "notify_url: address 1 is none that apprise knows" in done.stdout
    told(site, f"notify_url = json://user:s3cret@127.0.0.1:{reserved()}/\n")
    done = site.cli("notify", "test", "--fail")
    assert "notify_url: a service did not take the message" in done.stdout
    log = (site.directory / "state" / "sshsync.log").read_text()
    assert "s3cret" not in done.stdout + done.stderr + log


def test_notices_can_be_tried(site: Site, pings) -> None:
    url, heard = pings
    told(site, "")
    nobody = site.cli("notify", "test")
    assert nobody.returncode == 2
    assert "set ping_url" in nobody.stderr
    told(site, f"ping_url = {url}\nnotify_command = /bin/false\n")
    done = site.cli("notify", "test", "--fail")
    assert done.returncode == 6
    assert "ping_url: told" in done.stdout
    assert "notify_command: /bin/false ended with status 1" in done.stdout
    assert "/fail?" in heard[0][0]
    told(site, f"ping_url = {url}\nmail_to = ops@example.org\n")
    heard.clear()
    assert "mail_to: not told: it hears of failures only (--fail)" in site.cli("notify", "test").stdout
    both = site.cli("notify", "test", "--success", "--fail").stdout
    assert "a success: ping_url: told\n" in both
    assert "a failure: ping_url: told\n" in both
    assert ["/fail?" in path for path, _ in heard] == [False, False, True]


def test_a_trial_leaves_alone_what_shows_real_runs(site: Site) -> None:
    """Above all the moment of which each node was in sync, by which monitoring is alarmed."""
    kept = site.directory / "kept"
    kept.mkdir()
    metrics, status, pages = kept / "sshsync.prom", kept / "status.json", kept / "reports"
    told(site, f"metrics_file = {metrics}\nstatus_file = {status}\nreport_dir = {pages}\n")
    assert site.cli("--all").returncode == 0
    before = {file: file.read_bytes() for file in (metrics, status, *pages.iterdir())}
    assert b"sshsync_in_sync_timestamp_seconds{" in before[metrics]
    for words in ([], ["--fail"]):
        done = site.cli("notify", "test", *words)
        assert done.returncode == 0
        assert set(done.stdout.splitlines()) == {
            f"metrics_file: not touched: {metrics} can be written",
            f"status_file: not touched: {status} can be written",
            f"report_dir: not touched: {pages} can be written",
        }
    assert {file: file.read_bytes() for file in (metrics, status, *pages.iterdir())} == before
    told(site, f"metrics_file = {kept}/gone/sshsync.prom\n")
    done = site.cli("notify", "test")
    assert done.returncode == 6
    assert done.stdout == f"metrics_file: {kept}/gone/sshsync.prom cannot be written: No such file or directory\n"


@pytest.mark.parametrize("line", ["ping_url = ftp://x/y", "ping_url = http://user:pw@x/", "ping_url = http://a b", "metrics_file = relative"])
def test_addresses_and_files_are_checked(site: Site, line: str) -> None:
    told(site, line + "\n")
    assert site.cli("config", "check").returncode == 3


def test_a_plan_of_the_configuration(site: Site) -> None:
    told(site, "plan.nightly = --sync c\nplan.all = --all\n")
    assert site.cli("--plan", "nightly").returncode == 0
    assert site.summary("--plan", "all")["by_name"]["c"]["outcome"] == "unchanged"
    unknown = site.cli("--plan", "weekly")
    assert unknown.returncode == 2
    assert "plans: nightly, all" in unknown.stderr
    assert site.cli("--plan", "nightly", "--all").returncode == 2
