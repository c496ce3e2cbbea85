"""Pages, surveys and metrics as pure functions: odd runs, empty ones, and what hosts may say in them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sshsync.core import fold
from sshsync.core.timeline import MOST_NAMES, timeline
from sshsync.model import events as ev
from sshsync.model.report import RunReport
from sshsync.model.survey import Survey
from sshsync.report import as_html, as_metrics, as_survey

STARTED = ev.RunStarted("20261120-031200-aaaa", 1000.0, [["proxy"], ["node"]])


def shown(*events: ev.Event) -> str:
    timed = [(1000.0 + number, event) for number, event in enumerate(events)]
    return as_html.page(fold.fold(events), timeline(timed))


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_a_run_that_was_killed_has_open_ends() -> None:
    page = shown(
        STARTED,
        ev.RepositoryStarted("proxy", "master"),
        ev.Planned("proxy", 2, 0, 0, 0, 1, 30, 0, 500),
        ev.Published("proxy", [("a", "sha256:1", 10)], 10),
        ev.Retried("proxy", "transfer", 1, "cut", 1.0),
    )
    words = text(page)
    assert "no end on record" in words
    assert "not begun" in words, "the node, whose parent this run never came to"
    assert "500 B saved" in words
    assert "proxy: transfer, try 1: cut" in words
    assert 'class="span idle"' in page, "a bar without an end"
    assert "sshsync resume" in words


def test_a_good_run_has_no_failures_and_nothing_to_go_on_with() -> None:
    page = shown(
        STARTED,
        ev.RepositoryStarted("proxy", "master"),
        ev.Deleted("proxy", ["gone"]),
        ev.RepositoryFinished("proxy", ev.Outcome.DONE, 1.0, 5, 900.0),
        ev.RepositoryStarted("node", "proxy"),
        ev.RepositoryFinished("node", ev.Outcome.UNCHANGED, 1.0, 5, 900.0),
        ev.RunFinished(STARTED.run, 1010.0, ev.Outcome.DONE, 0),
    )
    words = text(page)
    assert "everything is in sync" in words
    assert "What failed" not in words
    assert "resume" not in words
    assert "proxy: 1 file deleted" in words
    assert page.index("<b>proxy</b>") < page.index("<b>node</b>")


def test_long_lists_are_cut_and_say_so() -> None:
    files = [(f"f{number}", "sha256:1", 1) for number in range(MOST_NAMES + 7)]
    retries = [ev.Retried("proxy", "connect", number, "x", 1.0) for number in range(203)]
    page = shown(STARTED, ev.RepositoryStarted("proxy", "master"), ev.Published("proxy", files, 1), *retries)
    assert "… and 7 more" in page
    assert "… and 3 more" in page
    assert len(shown()) < 20_000, "a run without events is a page too"


@given(st.lists(st.text(max_size=30), min_size=6, max_size=6))
def test_nothing_that_a_host_says_becomes_markup(words: list[str]) -> None:
    name, reason, error, notice, step, item = words
    page = shown(
        STARTED,
        ev.RepositoryStarted("proxy", "master"),
        ev.Published("proxy", [(name, "sha256:1", 10)], 10),
        ev.ItemFailed("proxy", item, f"<script>{reason}"),
        ev.Retried("proxy", step, 1, f"<img src=x>{reason}", 1.0),
        ev.Remarked("proxy", f"</title><script>{notice}"),
        ev.RepositoryFinished("proxy", ev.Outcome.FAILED, 1.0, 0, 0.0, f'"><script>{error}', 6),
    )
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("</title>") == 1


def test_a_survey_is_one_row_of_a_few_lines() -> None:
    found = Survey(
        "node", "10.0.0.1", platform="Linux 6", login_shell="/bin/csh", root="missing", digest="sha256sum", speed=2e8, round_trip=0.0123, clock=-0.6, free=10**9,
        tools=tuple("abcdefg"), ways={"list": "built in (gnu)", "transfer": "relay"}, security={"kex": "k", "cipher": "c", "mac": "m", "host_key": "h", "strict_kex": "no"},
    )  # fmt: skip
    cells = as_survey.row(found)
    assert len(cells) == len(as_survey.HEADINGS)
    assert cells[0] == "node\n10.0.0.1\nready"
    assert cells[2:5] == ("to be made\n1.0 GB free", "12 ms\nclock +0 s", "list: built in (gnu)\ndigest: sha256sum at 200.0 MB/s\ntransfer: relay")
    assert cells[5:] == ("k\nc m\nh", "a b c\nd e f\ng")
    gone = Survey("gone", "10.0.0.2", "cannot connect", 75)
    assert as_survey.row(gone)[0].endswith("cannot take part")
    late = Survey("late", "10.0.0.3", root="writable", clock=-3600.0, durable=True)
    lines = as_survey.details([found, gone, late])
    assert any("Terrapin" in line for line in lines)
    assert any("cannot flush" in line for line in lines)
    assert "gone: cannot connect" in lines
    assert any(line.startswith("late: note: its clock is -3600 s off") for line in lines)


def test_metrics_of_a_run_without_an_end() -> None:
    report = RunReport("r", 5.0, 0.0, [["node"]])
    lines = as_metrics.text(fold.fold([STARTED]), {"node": 0.0}).splitlines()
    assert 'sshsync_in_sync_timestamp_seconds{repository="node"} 0' in lines
    assert "sshsync_run_exit_code 0" in as_metrics.text(report, {})
