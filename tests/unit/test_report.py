"""Reports: what a person and a program read."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core import fold
from sshsync.core.timeline import timeline
from sshsync.kinds.files import Files
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.report import RunReport
from sshsync.model.words import USUAL
from sshsync.report import as_html, as_json, as_metrics, as_text, words


def run(*more: ev.Event, code: int = 0, dry: bool = False, outcome: str = "done", interrupted: bool = False):
    return fold.fold(
        [
            ev.RunStarted("id", 1.0, [["a"]], dry),
            ev.RepositoryStarted("a", "m"),
            ev.Planned("a", 1, 0, 0, 2, 5, 100),
            *more,
            ev.RepositoryFinished("a", outcome, 2.0, 6, 1.0, "it broke" if code else "", code),
            ev.RunFinished("id", 3.0, outcome, code, interrupted),
        ]
    )


def test_a_quiet_run_says_little() -> None:
    report = run(ev.Published("a", [("x", "d", 100)], 100))
    assert as_text.details(report) == []
    assert as_text.advice(report) == ""
    assert as_text.headline(report) == "run id: everything is in sync; 100 B moved in 2.0 s"
    row = dict(zip(as_text.headings(report), as_text.rows(report)[0], strict=True))
    assert (row["repository"], row["outcome"], row["copied"], row["files"], row["moved"]) == ("a", "done", "1", "6", "100 B")


def test_a_failure_says_what_and_how_to_go_on() -> None:
    report = run(ev.ItemFailed("a", "bad\nname", "no space"), ev.Remarked("a", "mind this"), code=6, outcome="failed")
    lines = as_text.details(report)
    assert lines == ["a: failed: it broke", "a: bad\\nname: failed: no space", "a: note: mind this"]
    assert as_text.advice(report, "sshsync -c x") == "to go on: sshsync -c x resume"
    assert "1 of 1 repositories not in sync" in as_text.headline(report)


def test_many_problems_are_counted() -> None:
    report = run(*(ev.ItemFailed("a", f"f{n}", "no") for n in range(30)), code=7, outcome="partial")
    assert "and 20 more" in as_text.details(report)[-1]


def test_a_dry_run_speaks_of_the_future() -> None:
    report = run(code=0, dry=True)
    row = dict(zip(as_text.headings(report), as_text.rows(report)[0], strict=True))
    assert (row["to copy"], row["to delete"], row["to move"], row["outcome"]) == ("1", "2", "100 B", "differs")
    assert "dry run: 3 changes planned" in as_text.headline(report)


def test_a_run_without_an_end_is_under_way_or_was_killed() -> None:
    report = RunReport("id", 1.0)
    assert "it was killed, or is still running" in as_text.headline(report)
    assert "did not end: it was killed;" in as_text.headline(report, "")
    assert "is under way: pid 7 on 'h'" in as_text.headline(report, "pid 7 on 'h'")
    assert as_text.advice(report, "sshsync", "pid 7") == ""
    assert as_text.advice(report, "sshsync", "") == "to go on: sshsync resume"


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (run(ev.ItemFailed("a", "x", "later", "deferred", 0), outcome="deferred"), "in sync but for deferred files"),
        (run(code=143, outcome="skipped", interrupted=True), "was interrupted; its state is saved"),
        (run(code=9, outcome="refused", dry=True), "was a dry run;"),
        (run(ev.Published("a", [("x", "d", 1000)], 100), ev.Saved("a", "x", 900)), "in sync; 100 B moved instead of 1.0 kB"),
        (fold.fold([ev.RunStarted("id", 1.0, [["a"]])]), "did not end"),
    ],
)
def test_headlines(report, text: str) -> None:
    assert text in as_text.headline(report)


def test_a_refusal_is_looked_into_first() -> None:
    assert as_text.advice(run(code=9, outcome="refused")) == "after you looked into the refusal: sshsync resume"
    deferred = run(ev.ItemFailed("a", "x", "later", "deferred", 0), outcome="deferred")
    assert "(+1 deferred)" in as_text.rows(deferred)[0][6]


def test_the_summary_has_the_documented_fields() -> None:
    found = json.loads(as_json.summary_line(run(ev.ItemFailed("a", "\udcff", "no"), code=7, outcome="partial")))
    assert {"type", "outcome", "exit_code", "run", "repositories"} <= set(found)
    entry = found["repositories"][0]
    assert {"name", "outcome", "files", "bytes", "seconds", "error"} <= set(entry)
    assert {"total", "copied", "unchanged", "deleted", "failed", "deferred", "skipped"} <= set(entry["files"])
    assert {"moved", "resent"} <= set(entry["bytes"])
    assert entry["problems"] == [{"item": "\\xff", "item_base64": "/w==", "reason": "no", "outcome": "failed", "code": 7}]


def test_event_lines() -> None:
    assert json.loads(as_json.event_line(ev.RunFinished("r", 1.0, "done", 0)))["type"] == "run_finished"
    assert as_json.event_line(ev.Verified("a", [])) == ""


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (64_000_000, "64.0 MB"), (5e15, "5.0 PB"), (5e18, "5000.0 PB")]
)
def test_sizes(count: float, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1:01 min"), (3725, "1:02:05")])
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_small_words() -> None:
    assert words.moment(0) == "-"
    assert words.moment(1).startswith("19")
    assert (words.count(1, "file"), words.count(2, "file")) == ("1 file", "2 files")
    assert (words.count(1, "copy", "copies"), words.count(0, "copy", "copies")) == ("1 copy", "0 copies")


def test_a_name_that_is_no_text_is_escaped_and_its_bytes_stand_beside_it() -> None:
    failed = ev.ItemFailed("a", ev.key_text(b"a\\\xff\n"), "it broke")
    values = json.loads(as_json.event_line(failed))
    assert (values["name"], values["name_base64"]) == ("a\\\\\\xff\\n", "YVz/Cg==")
    problem = as_json.summary(run(failed))["repositories"][0]["problems"][0]
    assert (problem["item"], problem["item_base64"]) == ("a\\\\\\xff\\n", "YVz/Cg==")
    assert json.loads(as_json.event_line(ev.Deleted("a", ["é\n", ev.key_text(b"\xff")])))["names_base64"] == [None, "/w=="]
    fine = json.loads(as_json.event_line(ev.ItemFailed("a", "é\\\n", "it broke")))
    assert fine["name"] == "é\\\n"
    assert "name_base64" not in fine
    assert "names_base64" not in json.loads(as_json.event_line(ev.Deleted("a", ["b"])))


PACKAGES = ("package", "packages", "install", "installed")


def of_packages(*more: ev.Event, dry: bool = False, beside: tuple[str, ...] = ()) -> list[ev.Event]:
    """Return what happens to packages, and to files of a repository beside them."""
    return [
        ev.RunStarted("id", 1.0, [["p", *beside]], dry),
        ev.RepositoryStarted("p", "m", *PACKAGES),
        *(ev.RepositoryStarted(name, "m") for name in beside),
        *more,
        ev.RepositoryFinished("p", "deferred", 2.0, 6),
        *(ev.RepositoryFinished(name, "unchanged", 2.0, 6) for name in beside),
        ev.RunFinished("id", 3.0, "done", 0),
    ]


def test_a_report_says_what_the_kind_of_its_items_says() -> None:
    happened = of_packages(ev.Published("p", [("bash", "5", 1), ("zsh", "5", 1)], 2), ev.ItemFailed("p", "x", "later", "deferred", 0))
    report = fold.fold(happened)
    assert as_text.headings(report)[2:4] == ("packages", "installed")
    assert as_text.headings(fold.fold(of_packages(dry=True)))[2:4] == ("packages", "to install")
    assert "in sync but for deferred packages" in as_text.headline(report)
    page = as_html.page(report, timeline((float(at), event) for at, event in enumerate(happened)))
    for wanted in ("packages installed", "packages failed", "<h2>Packages</h2>", "p: 2 packages installed"):
        assert wanted in page
    assert "Packages published in the last run." in as_metrics.text(report, {})
    for told in (page, as_metrics.text(report, {}).replace("repository_copied", "")):
        assert not re.findall(r"(?<!\")(?<!ul\.)\b(?:files?|copied)\b", told, re.IGNORECASE)


def test_a_report_of_several_kinds_has_headings_that_are_true_of_all() -> None:
    report = fold.fold(of_packages(beside=("f",)))
    assert as_text.headings(report)[2:4] == ("items", "brought")
    assert as_text.headings(fold.fold(of_packages(dry=True, beside=("f",))))[2:4] == ("items", "to bring")
    assert report.repositories["f"].words.many == "files"


def test_a_repository_that_never_started_does_not_say_what_the_others_hold() -> None:
    report = fold.fold([ev.RunStarted("id", 1.0, [["p", "late"]]), ev.RepositoryStarted("p", "m", *PACKAGES)])
    assert as_text.headings(report)[2:4] == ("packages", "installed")
    assert as_text.headings(fold.fold([ev.RunStarted("id", 1.0, [["late"]])]))[2:4] == ("files", "copied")


def test_journals_from_before_kinds_had_words_tell_of_files() -> None:
    event = written.from_json({"type": "RepositoryStarted", "repository": "a", "parent": "m"})
    assert isinstance(event, ev.RepositoryStarted)
    report = fold.fold([ev.RunStarted("id", 1.0, [["a"]]), event])
    assert report.words == USUAL == Files().words


@given(st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=8), st.integers(0, 50))
def test_as_many_names_are_told_as_fit(names: list[str], width: int) -> None:
    told, parts = words.fitting(names, width), words.names(names).split(", ")
    fit = [", ".join(parts[:shown]) + " and others" for shown in range(1, len(parts))]
    best = max((words for words in fit if len(words) <= width), key=len, default=f"{len(names)} repositories")
    assert told == (", ".join(parts) if len(", ".join(parts)) <= width else best)
